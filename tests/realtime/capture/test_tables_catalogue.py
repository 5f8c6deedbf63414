"""Every table that decides who may see, or that a payload shows, is captured."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from knox.models import AuthToken

from permissions.audiences import Resource, registry
from permissions.listing import Ask, list_within
from permissions.models import AccessRevision, ObjectVersion
from permissions.read import read_within
from permissions.representation import ObjectKey
from permissions.stored import in_tenant
from realtime.audit.models import Process
from realtime.capture.installing import install, wanted
from realtime.hub import session_checks
from tenants import authenticators, credentials
from tenants.credentials import Credential
from tenants.models import Tenant
from tenants.tenancy import EVERYBODY
from tenants.validity import validity
from tests.keyed.models import Board, Shelf
from tests.keyed.place import KEYS, installed, keyed
from tests.keyed.place import place_of as place_in
from tests.tenants.conftest import session_of
from tests.tenants.test_authenticators import stored, token_of
from tests.world import World

__all__ = ["installed", "keyed", "stored"]

READ_ONLY = {AccessRevision._meta.db_table, ObjectVersion._meta.db_table}
"""It is not decided by what is in them: the triggers write them."""


def tables_read(work: Callable[[], object]) -> set[str]:
    """Those tables of the database's catalogue that the statements name."""
    with CaptureQueriesContext(connection) as queries:
        work()
    with connection.cursor() as cursor:
        there = connection.introspection.table_names(cursor)
    quoted = {name: connection.ops.quote_name(name) for name in there}
    return {n for n, q in quoted.items() if any(q in query["sql"] for query in queries)}


def everything_seen(world: World) -> object:
    """What everybody sees of an object of each resource."""
    seen: list[Any] = []
    for resource in registry:
        here = place_of(world, resource).pk
        pks = list(in_tenant(resource.model, here).values_list("pk", flat=True))
        assert pks, resource.label
        pairs = [(u.pk, ObjectKey(resource.label, pk)) for u in world.users.values() for pk in pks]
        seen += [read_within(here, pairs, guarded=False)]
        seen += [list_within(resource, here, [Ask(u.pk, 9)]) for u in world.users.values()]
    return seen


def place_of(world: World, resource: Resource) -> Tenant:
    """Where its objects are: acme, or everybody's."""
    return world.tenants["acme"] if resource.tenancy.path else Tenant.objects.get(slug=EVERYBODY)


def doors(world: World) -> list[Callable[[], object]]:
    """What decides whether somebody may come in, or stay."""
    user, tenant = world.user("viewer"), world.tenants["acme"]
    world.token("viewer")
    token = AuthToken.objects.get(user=user)
    key = session_of(user)
    held: Any = {
        (user.pk, tenant.pk, Credential("token", token.pk, None)),
        (user.pk, tenant.pk, Credential("session", key, None)),
    }
    process = Process.objects.create(beat_at=timezone.now())
    return [
        lambda: validity(held),
        lambda: credentials.resolve("token", token.pk),
        lambda: credentials.resolve("session", key),
        lambda: credentials.membership_for(user, "acme", ("token", token.pk)),
        lambda: session_checks.register_and_check(process.pk, {}, [], []),
    ]


def uncaptured(world: World) -> tuple[set[str], set[str]]:
    """The tables that are read, and those of them that no trigger watches."""
    read = tables_read(lambda: everything_seen(world))
    for door in doors(world):
        read |= tables_read(door)
    return read, read - {t.table for t in wanted(connection.vendor)} - READ_ONLY


@pytest.mark.django_db
def test_all_that_the_decision_and_payloads_read_is_captured() -> None:
    read, missing = uncaptured(World())
    assert {
        "earshot_tenants_membership",
        "earshot_tenants_user",
        "knox_authtoken",
        "earshot_tenants_session",
    } <= read
    assert missing == set()


@pytest.mark.django_db(transaction=True)
def test_so_is_what_is_read_of_models_of_every_kind(keyed: World) -> None:
    """Paths, members, versions beside and generic grants."""
    install()  # a test empties the tables
    shelf = Shelf.objects.create(tenant=keyed.tenants["acme"])
    board = Board.objects.create(shelf=shelf)
    by: dict[str, Any] = {"book": {"shelf": shelf}, "leaf": {"board": board}}
    badges: Any = place_in(keyed, "badge").model.objects
    badges.create(owner=keyed.user("viewer"), shelf=shelf)  # which is its key
    for name in KEYS.keys() - {"badge"}:
        place_in(keyed, name).create(1, "viewer", **by.get(name, {}))
    read, missing = uncaptured(keyed)
    assert {
        "keyed_shelf",
        "keyed_board",
        "a paper_members",
        "keyed_bookusergrant",
        "guardian_userobjectpermission",
        "guardian_groupobjectpermission",
        ObjectVersion._meta.db_table,
    } <= read
    assert missing == set()


@pytest.mark.django_db(transaction=True)
def test_so_are_tokens_that_others_store(stored: World) -> None:
    user, tenant = stored.user("viewer"), stored.tenants["acme"]
    token = token_of(stored, "viewer")
    [mine] = [each for each in authenticators.others() if each.kind == "drf"]
    credential = mine.of_request(SimpleNamespace(auth=token))  # type: ignore[arg-type]
    assert credential is not None
    read = tables_read(lambda: validity({(user.pk, tenant.pk, credential)}))
    assert type(token)._meta.db_table in read
    assert read - {t.table for t in wanted(connection.vendor)} - READ_ONLY == set()
