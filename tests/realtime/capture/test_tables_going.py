"""In a tenant that is being deleted nobody sees anything, and nothing is told of what goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models.functions import Now
from guardian.shortcuts import assign_perm

from realtime.models import Change
from resources.models import Document, DocumentUserGrant, Profile
from tenants.models import Membership, Tenant, User
from tests.client import connect, in_thread, subscribed
from tests.databases import on_postgresql
from tests.permissions.conftest import Log, elsewhere, place
from tests.realtime.capture.test_tables_bulk import numbered, readers, share, view
from tests.world import World

__all__ = ["place"]


def mark(world: World, tenant: str = "acme") -> None:
    rows = Tenant.objects.filter(slug=tenant)
    rows.update(is_active=False, deleting_since=Now())


@pytest.fixture
def going(place: World) -> World:
    share(place, 3)
    readers().user_set.add(place.user("both"))
    numbered()
    return place


def mark_by_sql(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE earshot_tenants_tenant SET is_active = false,"
            " deleting_since = CURRENT_TIMESTAMP WHERE slug = 'acme'"
        )


@pytest.mark.django_db
@pytest.mark.parametrize("write", [mark, mark_by_sql])
def test_mark_touches_everything_once(going: World, write: Callable[[World], None]) -> None:
    log = Log(going.tenants["acme"].pk)
    write(going)
    assert log.new() == [(None, None, None)]


def documents(world: World) -> Any:
    return Document.objects.filter(tenant=world.tenants["acme"])


GOING: dict[str, Callable[[World], object]] = {
    "documents deleted": lambda w: documents(w).delete(),
    "a document deleted": lambda w: documents(w).get(pk=w.document.pk).delete(),
    "a document's owner": lambda w: documents(w).update(owner=w.user("admin")),
    "profiles deleted": lambda w: Profile.objects.filter(tenant=w.tenants["acme"]).delete(),
    "a grant": lambda w: assign_perm("view_document", w.user("member"), w.document),
    "grants taken": lambda w: DocumentUserGrant.objects.all().delete(),
    "a group deleted": lambda w: readers().delete(),
    "members removed": lambda w: Membership.objects.filter(tenant=w.tenants["acme"]).delete(),
    "a member's role": lambda w: Membership.objects.filter(tenant=w.tenants["acme"]).update(
        role="admin"
    ),
    "a permission deleted": lambda w: view().delete(),
    "a user's activity": lambda w: User.objects.filter(username="owner").update(is_active=False),
    "a user deleted": lambda w: User.objects.filter(username="viewer").delete(),
}


@pytest.mark.django_db
@pytest.mark.parametrize("write", GOING.values(), ids=GOING)
def test_nothing_is_told_of_what_goes_in_a_tenant_that_goes(
    going: World, write: Callable[[World], object]
) -> None:
    acme = going.tenants["acme"].pk
    for marked in (False, True):
        if marked:
            mark(going)
            numbered()
        log, noted = Log(acme), Change.objects.filter(tenant=acme, version=0)
        notes = noted.count()
        with transaction.atomic():
            write(going)
            assert bool(log.new()) is not marked
            assert not (marked and noted.count() > notes)
            transaction.set_rollback(True)


@pytest.mark.django_db
def test_other_tenants_are_told_while_one_goes(going: World) -> None:
    mark(going)
    numbered()
    log, both = Log(going.tenants["globex"].pk), going.user("both").pk
    readers().delete()
    assert log.new() == [(both, None, None)]


@pytest.mark.django_db
def test_tenant_that_goes_is_not_opened_again(going: World) -> None:
    mark(going)
    numbered()
    with pytest.raises(IntegrityError), transaction.atomic():
        Tenant.objects.filter(slug="acme").update(is_active=True)
    assert not Tenant.objects.get(slug="acme").is_active


@on_postgresql
def test_mark_stays_until_what_went_untold_has_committed(world: World) -> None:
    """Else somebody could be let in again before the deletion of what they see, of which nobody
    tells them."""
    mark(world)

    def unmark() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '50ms'")
            Tenant.objects.filter(slug="acme").update(is_active=True, deleting_since=None)

    with transaction.atomic():
        documents(world).delete()
        with pytest.raises(OperationalError, match="lock timeout"):
            elsewhere(unmark)
    elsewhere(unmark)
    assert Tenant.objects.get(slug="acme").is_active


async def test_sockets_of_a_tenant_close_when_it_is_marked(world: World) -> None:
    async with (
        subscribed(world, "viewer") as viewer,
        await in_thread(connect)(world, "rival", "globex") as rival,
    ):
        await in_thread(mark)(world)
        assert (await viewer.settle())[-1] == {"close": 4403}
        assert [frame["type"] for frame in await rival.settle()] == ["WELCOME"]
