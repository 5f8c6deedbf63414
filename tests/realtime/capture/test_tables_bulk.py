"""A transaction that touches very much of a tenant touches everything, and writes no more rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm

from permissions.accesslog import MANY
from realtime.capture import postgresql
from realtime.capture.installing import wanted
from realtime.capture.tables import accesses
from resources.models import Document, DocumentGroupGrant, DocumentUserGrant
from tenants.models import Membership, User
from tests.client import in_thread, subscribed
from tests.databases import on_postgresql
from tests.permissions.conftest import Log, place
from tests.world import World

__all__ = ["place"]

FEW = 5
"""So many are very many here."""
GRANTS = 30


def view() -> Permission:
    return Permission.objects.get(codename="view_document", content_type__app_label="resources")


def readers() -> Group:
    return Group.objects.get(name="readers")


def share(world: World, count: int = GRANTS, tenant: str = "acme", owner: str = "owner") -> None:
    """The readers may view so many new documents."""
    group, _ = Group.objects.get_or_create(name="readers")
    place, user = world.tenants[tenant], world.user(owner)
    made = Document.objects.bulk_create(
        Document(tenant=place, owner=user, title=f"Shared {number}") for number in range(count)
    )
    DocumentGroupGrant.objects.bulk_create(
        DocumentGroupGrant(group=group, permission=view(), content_object=each) for each in made
    )


def numbered() -> None:
    """Number what was written, so that the next writes are as in a transaction of their own."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def let_be_many(many: int = MANY, sample: int = postgresql.SAMPLE) -> None:
    """So many are very many."""
    [summing] = postgresql.summing(many, sample)
    in_sets = [t for t in postgresql.accesses(accesses(), many) if "'many'" in t.source]
    with connection.cursor() as cursor:
        for trigger in (summing, *in_sets):
            postgresql.create(cursor, trigger, None)


@pytest.fixture
def few(place: World) -> World:
    """So many grants that one transaction should not tell of each; `FEW` are very many."""
    share(place)
    numbered()
    if connection.vendor == "postgresql":
        let_be_many(FEW, 1)
    return place


def test_ten_thousand_are_very_many() -> None:
    assert next(postgresql.summing(MANY, 1_000)) in wanted("postgresql")
    assert MANY == 10_000


# A group with many grants, and its like


def by_group(world: World) -> None:
    readers().delete()


def by_groups(world: World) -> None:
    Group.objects.filter(name="readers").delete()


def by_grants(world: World) -> None:
    DocumentGroupGrant.objects.filter(group=readers()).delete()


def by_permission(world: World) -> None:
    view().delete()


def by_sql(world: World) -> None:
    pk = readers().pk
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM resources_documentgroupgrant WHERE group_id = %s", [pk])


def by_new_grants(world: World) -> None:
    group = Group.objects.create(name="new")
    documents = Document.objects.filter(tenant=world.tenants["acme"])
    DocumentGroupGrant.objects.bulk_create(
        DocumentGroupGrant(group=group, permission=view(), content_object=each)
        for each in documents
    )


@on_postgresql
@pytest.mark.django_db
@pytest.mark.parametrize(
    "write",
    [by_group, by_groups, by_grants, by_permission, by_sql, by_new_grants],
)
def test_very_many_grants_touch_everything_and_write_no_more_rows(
    few: World, write: Callable[[World], None]
) -> None:
    log = Log(few.tenants["acme"].pk)
    write(few)
    rows = log.new()
    assert rows.count((None, None, None)) == 1
    assert len(rows) <= 2  # the permission's own is another


@on_postgresql
@pytest.mark.django_db
def test_very_many_updates_of_grants_touch_everything(few: World) -> None:
    log = Log(few.tenants["acme"].pk)
    DocumentGroupGrant.objects.filter(group=readers()).update(group=Group.objects.create(name="x"))
    rows = log.new()
    assert rows.count((None, None, None)) == 1
    assert FEW < len(rows) <= FEW + 1


@on_postgresql
@pytest.mark.django_db
@pytest.mark.parametrize("by", [1, 3])
def test_very_many_grants_in_several_statements_touch_everything(few: World, by: int) -> None:
    log = Log(few.tenants["acme"].pk)
    grants = [*DocumentGroupGrant.objects.filter(group=readers()).values_list("pk", flat=True)]
    for start in range(0, GRANTS, by):
        DocumentGroupGrant.objects.filter(pk__in=grants[start : start + by]).delete()
    rows = log.new()
    assert rows.count((None, None, None)) == 1
    assert FEW < len(rows) <= FEW + by


@on_postgresql
@pytest.mark.django_db
def test_user_with_very_many_grants_touches_everything(few: World) -> None:
    user = User.objects.create(username="busy")
    Membership.objects.create(tenant=few.tenants["acme"], user=user)
    documents = Document.objects.filter(tenant=few.tenants["acme"])
    DocumentUserGrant.objects.bulk_create(
        DocumentUserGrant(user=user, permission=view(), content_object=each) for each in documents
    )
    numbered()
    log = Log(few.tenants["acme"].pk)
    with connection.cursor() as cursor:  # as the next transaction begins
        cursor.execute(f"RESET {postgresql.ALL_OF}")
    user.delete()
    assert (None, None, None) in log.new()
    assert len(log.new()) < GRANTS


@pytest.mark.django_db
def test_group_with_many_grants_goes_with_as_many_statements_as_one_with_few(
    place: World,
) -> None:
    needed = []
    for count in (1, GRANTS):
        share(place, count)
        with CaptureQueriesContext(connection) as queries:
            readers().delete()
        needed.append(len(queries))
    assert needed[0] == needed[1]


@on_postgresql
@pytest.mark.django_db
def test_other_tenant_is_told_of_what_it_loses(few: World) -> None:
    share(few, 2, "globex", "rival")
    numbered()
    log = Log(few.tenants["globex"].pk)
    readers().delete()
    shared = Document.objects.filter(tenant=few.tenants["globex"])
    assert {row[2] for row in log.new()} == {document.pk for document in shared}


@on_postgresql
@pytest.mark.django_db
def test_rolled_back_touch_of_everything_covers_nothing(few: World) -> None:
    log = Log(few.tenants["acme"].pk)
    with transaction.atomic():
        readers().delete()
        transaction.set_rollback(True)
    assert log.new() == []
    DocumentUserGrant.objects.get(user=few.user("viewer")).delete()
    assert log.new() == [(few.user("viewer").pk, "resources.document", few.document.pk)]


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_touch_of_everything_covers_its_own_transaction_only(world: World) -> None:
    acme, seen = world.tenants["acme"].pk, []
    for known in (f"',' || pg_current_xact_id() || ':{acme},'", f"',1:{acme},'"):
        log = Log(acme)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT set_config('{postgresql.ALL_OF}', {known}, false)")
            assign_perm("view_document", world.user("member"), world.document)
            DocumentUserGrant.objects.filter(user=world.user("member")).delete()
            cursor.execute(f"RESET {postgresql.ALL_OF}")
        seen.append(len(log.new()))
    assert seen == [2, 2]


@on_postgresql
@pytest.mark.django_db
def test_each_deleted_object_has_its_row_however_many_go(few: World) -> None:
    """Its subscriptions end by that row, and the ledger says that it was deleted."""
    log = Log(few.tenants["acme"].pk)
    shared = Document.objects.filter(tenant=few.tenants["acme"], title__startswith="Shared")
    pks = {document.pk for document in shared}
    readers().delete()
    shared.delete()
    deleted = log.new("object_id", "cause")
    assert {pk for pk, cause in deleted if cause == "deleted"} == pks


@on_postgresql
async def test_readers_of_a_group_with_very_many_grants_lose_them_with_it(world: World) -> None:
    def arrange() -> None:
        share(world)
        readers().user_set.add(world.user("member"))
        assign_perm("view_document", readers(), world.document)
        let_be_many(FEW, 1)

    await in_thread(arrange)()
    try:
        async with (
            subscribed(world, "member") as member,
            subscribed(world, "viewer") as viewer,
        ):
            await in_thread(by_group)(world)
            await in_thread(world.write)(title="canary")
            assert [frame["type"] for frame in await member.settle()] == ["DELETE_DOCUMENT"]
            [update] = await viewer.settle()
            assert update["payload"]["title"] == "canary"
    finally:
        await in_thread(let_be_many)()
