"""Tables whose columns are called otherwise, and whose objects may change their tenant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from permissions.models import AccessChange, ObjectVersion
from realtime.capture import live_postgresql
from realtime.capture.installing import GENERATORS, LIVE
from realtime.capture.interval_models import Held
from realtime.capture.live import Live, Shown
from realtime.models import Change
from tenants.models import Tenant
from tenants.tenancy import Tenancy
from tests.databases import on_postgresql, only_on
from tests.measuring import measured
from tests.realtime.capture.documents import execute

PARCEL = Live(
    table="odd_parcel",
    label="odd.parcel",
    columns=(("label", "name"), ("to_id", "to"), ("state", "state"), ("moved", "moved")),
    generated=(("loud", "loud"),),
    stamps=(("moved", ("label",)),),
    holders=("to_id",),
    permissions=("own_parcel",),
    visible=("state",),
    unique=(("label",),),
    key="number",
    version="count",
    tenancy=Tenancy("place", "place", nullable=False),
    keeps_tenant=False,
)
BESIDE = replace(PARCEL, version="", beside=True, stamps=())
"""As it would be without any column of ours."""

SHOWN = Shown(
    "odd_parcel", "odd.parcel", ("number", "label"), watched=(), key="number", tenant="place"
)


# While migrations run, SQLite has no triggers, and so no general form of them.
FORMS = ("exact", "general") if connection.vendor == "postgresql" else ("exact",)


@pytest.fixture(params=FORMS)
def parcels(request: Any, db: None) -> Iterator[list[int]]:
    """The keys of two tenants; the table has these triggers."""
    with captured(PARCEL, request.param):
        yield [Tenant.objects.create(slug=slug, name=slug).pk for slug in ("acme", "globex")]


@pytest.fixture(params=FORMS)
def beside(request: Any, db: None) -> Iterator[list[int]]:
    """The same, with versions beside the rows."""
    with captured(BESIDE, request.param):
        yield [Tenant.objects.create(slug=slug, name=slug).pk for slug in ("acme", "globex")]


@contextmanager
def captured(live: Live, form: str) -> Iterator[None]:
    """The table is there, with the triggers of this declaration, in this form."""
    generator, spelling = GENERATORS[connection.vendor], LIVE[connection.vendor]
    how = {"general": True} if form == "general" else {}
    time = "timestamptz" if connection.vendor == "postgresql" else "datetime"
    execute(
        "CREATE TABLE odd_parcel (number bigint PRIMARY KEY, count bigint, place bigint,"
        f" label varchar(20), to_id bigint, state varchar(20), moved {time},"
        " loud varchar(20) GENERATED ALWAYS AS (upper(label)) STORED)"
    )
    with connection.cursor() as cursor, measured():  # the triggers are what is tried
        for trigger in spelling.triggers([live], [SHOWN], **how):
            generator.create(cursor, trigger, None)
    yield
    execute("DROP TABLE odd_parcel")


def recorded() -> list[Any]:
    rows = Change.objects.filter(model="odd.parcel", version__gt=0).order_by("pk")
    return list(rows.values_list("tenant_id", "creation", "fields"))


def accesses() -> set[Any]:
    rows = AccessChange.objects.filter(model="odd.parcel", object_id=1)
    return {(row.tenant_id, row.user_id, row.cause) for row in rows}


def test_parcel_is_captured_from_its_creation_to_its_end(parcels: list[int]) -> None:
    acme, globex = parcels
    execute(
        "INSERT INTO odd_parcel (number, count, place, label, to_id, state)"
        " VALUES (1, 7, %s, 'a', 5, 'sent')", acme,
    )  # fmt: skip
    execute("UPDATE odd_parcel SET label = 'b', count = 3")
    assert recorded() == [
        (acme, True, None),
        (acme, False, ["loud", "moved", "name"]),
    ]
    assert accesses() == set()
    execute("UPDATE odd_parcel SET to_id = 6")
    held = {(acme, user, "holder changed") for user in (5, 6)}
    assert accesses() == held
    execute("UPDATE odd_parcel SET state = 'lost'")
    seen = held | {(acme, None, "visibility changed")}
    assert accesses() == seen
    assert [fields for *_, fields in recorded()[2:]] == [["to"], ["state"]]
    execute("UPDATE odd_parcel SET place = %s", globex)
    gone = seen | {(tenant, None, "tenant changed") for tenant in parcels}
    assert accesses() == gone
    execute("DELETE FROM odd_parcel")
    assert accesses() == gone | {(globex, None, "deleted")}
    notes = Change.objects.filter(model="odd.parcel", version=0).order_by("pk")
    assert [(note.tenant_id, note.fields) for note in notes] == [
        (acme, None), (globex, {"was": {"number": 1, "label": "b"}}),
    ]  # fmt: skip


def versions() -> list[Any]:
    known = ObjectVersion.objects.filter(model="odd.parcel").order_by("pk")
    return list(known.values_list("object_id", "version"))


def changed() -> list[Any]:
    rows = Change.objects.filter(model="odd.parcel", version__gt=0).order_by("pk")
    return list(rows.values_list("tenant_id", "object_id", "version", "fields"))


def test_parcel_is_captured_with_its_version_beside_it(beside: list[int]) -> None:
    acme, globex = beside
    execute(
        "INSERT INTO odd_parcel (number, count, place, label, to_id, state)"
        " VALUES (1, 7, %s, 'a', 5, 'sent')", acme,
    )  # fmt: skip
    [(_, _, first, _)] = changed()
    assert versions() == [(1, first)]
    execute("UPDATE odd_parcel SET label = 'b'")
    assert changed()[1:] == [(acme, 1, first + 1, ["loud", "name"])]
    execute("UPDATE odd_parcel SET label = label")
    assert versions() == [(1, first + 1)]
    execute("UPDATE odd_parcel SET to_id = 6")
    held = {(acme, user, "holder changed") for user in (5, 6)}
    assert accesses() == held
    execute("UPDATE odd_parcel SET state = 'lost'")
    seen = held | {(acme, None, "visibility changed")}
    assert accesses() == seen
    execute("UPDATE odd_parcel SET place = %s", globex)
    gone = seen | {(tenant, None, "tenant changed") for tenant in beside}
    assert accesses() == gone
    assert intervals() == [
        (acme, "1", "user:5", "holder changed"),
        (acme, "1", "user:6", "tenant changed"),
        (globex, "1", "user:6", ""),
    ]
    execute("UPDATE odd_parcel SET number = 2")
    assert accesses() == gone | {(globex, None, "deleted")}
    [(number, second)] = versions()
    assert (number, second > first + 3) == (2, True)
    assert changed()[-1] == (globex, 2, second, None)
    assert intervals()[2:] == [
        (globex, "1", "user:6", "deleted"), (globex, "2", "user:6", ""),
    ]  # fmt: skip
    execute("DELETE FROM odd_parcel")
    assert (versions(), intervals()[-1]) == ([], (globex, "2", "user:6", "deleted"))


def test_parcel_from_before_counts_from_nothing(beside: list[int]) -> None:
    execute(
        "INSERT INTO odd_parcel (number, count, place, label, to_id, state)"
        " VALUES (1, 7, %s, 'a', 5, 'sent')", beside[0],
    )  # fmt: skip
    ObjectVersion.objects.all().delete()
    execute("UPDATE odd_parcel SET label = 'b'")
    execute("UPDATE odd_parcel SET label = 'c'")
    assert versions() == [(1, 2)]
    assert [version for _, _, version, _ in changed()[1:]] == [1, 2]


@only_on("sqlite", "PostgreSQL has no OR REPLACE.")
def test_version_of_a_parcel_that_another_replaces_is_in_nobodys_way(beside: list[int]) -> None:
    """It stays, since the trigger fires as well where the other one is ignored."""
    into = (
        "INSERT OR REPLACE INTO odd_parcel (number, count, place, label, to_id, state)"
        " VALUES (%s, 7, %s, 'a', 5, 'sent')"
    )
    execute(into, 1, beside[0])
    execute(into, 2, beside[0])
    assert (beside[0], None, "replaced") in accesses()
    execute("UPDATE OR REPLACE odd_parcel SET label = 'b'")
    assert dict(versions())[2] == changed()[-1][2]
    before = dict(versions())[1]
    execute(into, 1, beside[0])
    assert [v for _, number, v, _ in changed() if number == 1][-1] == dict(versions())[1] > before


@on_postgresql
def test_versions_go_when_the_table_is_emptied(beside: list[int]) -> None:
    execute(
        "INSERT INTO odd_parcel (number, count, place, label, to_id, state)"
        " VALUES (1, 7, %s, 'a', 5, 'sent')", beside[0],
    )  # fmt: skip
    execute("TRUNCATE odd_parcel")
    assert versions() == []


def intervals() -> list[Any]:
    rows = Held.objects.filter(model="odd.parcel").order_by("pk")
    return [(row.tenant_id, str(row.object_id), row.principal, row.ended) for row in rows]


@on_postgresql
def test_general_form_differs_from_the_exact_one_in_nothing_but_the_body() -> None:
    exact, general = (
        list(live_postgresql.triggers([PARCEL], [SHOWN], general=general))
        for general in (False, True)
    )
    assert [t.key for t in exact] == [t.key for t in general]
    assert [t.needs for t in exact] == [t.needs for t in general]


@on_postgresql
def test_table_that_is_only_shown_is_noticed_when_it_is_emptied() -> None:
    names = [trigger.name for trigger in live_postgresql.triggers([], [SHOWN])]
    assert names == ["earshot_odd_parcel_shown", "earshot_odd_parcel_truncated"]
