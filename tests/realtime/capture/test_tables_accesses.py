"""Whoever writes what decides who may see, by whatever way: the log has who is touched."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from guardian.shortcuts import assign_perm
from knox.models import AuthToken

from permissions.models import AccessChange
from realtime.audit.models import Connection, Process
from resources.models import Document
from tenants.models import Membership, Session, Tenant, User
from tests.realtime.capture.access_cases import CASES, INVITED, LATER, NOW, PAST
from tests.realtime.capture.kept import unkept
from tests.realtime.capture.ways import WAYS, Write, ways_of
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def peopled(db: None) -> World:
    """The world with the group `readers`, somebody who is invited, and credentials."""
    world = World()
    readers = Group.objects.create(name="readers")
    readers.user_set.add(world.user("viewer"))
    assign_perm("view_document", readers, world.document)
    acme, globex = world.tenants["acme"], world.tenants["globex"]
    Membership.objects.create(tenant=acme, user=world.user("invited"), **INVITED)
    Membership.objects.create(tenant=globex, user=world.user("invited"))
    world.token("both")
    world.token("viewer")
    AuthToken.objects.filter(user=world.user("viewer")).update(expiry=PAST)
    for username, until in (("both", LATER), ("viewer", PAST)):
        user = world.user(username)
        Session.objects.create(session_key=username, user=user, expire_date=until)
    process = Process.objects.create(beat_at=NOW)
    Connection.objects.create(
        id="live", process=process, tenant=acme, user_id=world.user("viewer").pk, since=NOW
    )
    return world


def logged(cause: str, after: int) -> set[str]:
    """`tenant user object` of the new rows of this cause, each once."""
    tenants = dict(Tenant.objects.values_list("pk", "slug"))
    users = dict(User.objects.values_list("pk", "username"))
    titles = dict(Document.objects.across_tenants().values_list("pk", "title"))
    rows = AccessChange.objects.filter(pk__gt=after, cause=cause)
    return {
        f"{tenants[tenant]} {users.get(user or 0, '-')} {titles.get(pk or 0, '-')}"
        for tenant, user, pk in rows.values_list("tenant_id", "user_id", "object_id")
    }


def newest() -> int:
    return max(AccessChange.objects.values_list("pk", flat=True), default=0)


def found(how: Write, cause: str, ways: Iterable[str]) -> dict[str, set[str]]:
    """Whom the log has for a write, by the way in which it was made."""
    found = {}
    for way in ways:
        after = newest()
        with transaction.atomic():
            WAYS[way](how)
            found[way] = logged(cause, after)
            assert unkept() == []
            transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("name", CASES)
def test_write_is_logged_by_whatever_way_it_comes(peopled: World, name: str) -> None:
    cause, write, touched = CASES[name]
    how = write(peopled)
    ways = ways_of(how)
    assert found(how, cause, ways) == dict.fromkeys(ways, touched)
