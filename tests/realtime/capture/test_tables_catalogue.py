"""Every table that decides who may see, or that a payload shows, is captured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from knox.models import AuthToken

from permissions.audiences import registry
from permissions.models import AccessRevision
from permissions.read import read_within
from permissions.representation import ObjectKey
from realtime.audit.models import Process
from realtime.capture.installing import wanted
from realtime.hub import session_checks
from tenants import credentials
from tenants.credentials import Credential
from tenants.validity import validity
from tests.tenants.conftest import session_of
from tests.world import World

pytestmark = pytest.mark.django_db

READ_ONLY = {AccessRevision._meta.db_table}
"""It is not decided by what is in it: the triggers write it."""


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
    seen = []
    for resource in registry:
        rows = resource.model._base_manager.filter(tenant=world.tenants["acme"])
        pks = list(rows.values_list("pk", flat=True))
        pairs = [(u.pk, ObjectKey(resource.label, pk)) for u in world.users.values() for pk in pks]
        seen += [read_within(world.tenants["acme"].pk, pairs, guarded=False)]
    return seen


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


def test_all_that_the_decision_and_payloads_read_is_captured() -> None:
    world = World()
    read = tables_read(lambda: everything_seen(world))
    for door in doors(world):
        read |= tables_read(door)
    assert {
        "earshot_tenants_membership",
        "earshot_tenants_user",
        "knox_authtoken",
        "earshot_tenants_session",
    } <= read
    captured = {trigger.table for trigger in wanted(connection.vendor)}
    assert read - captured - READ_ONLY == set()
