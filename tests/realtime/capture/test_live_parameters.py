"""Tables whose columns are called otherwise, and whose objects may change their tenant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from permissions.models import AccessChange
from realtime.capture import live_postgresql
from realtime.capture.installing import GENERATORS, LIVE
from realtime.capture.live import Live, Shown
from realtime.models import Change
from tenants.models import Tenant
from tests.databases import on_postgresql
from tests.realtime.capture.documents import execute

PARCEL = Live(
    table="odd_parcel",
    label="odd.parcel",
    columns=(("label", "name"), ("to_id", "to"), ("state", "state"), ("moved", "moved")),
    generated=(("loud", "loud"),),
    stamps=(("moved", ("label",)),),
    holders=("to_id",),
    visible=("state",),
    unique=(("label",),),
    key="number",
    version="count",
    tenant="place",
    keeps_tenant=False,
)
SHOWN = Shown(
    "odd_parcel", "odd.parcel", ("number", "label"), watched=(), key="number", tenant="place"
)


# While migrations run, SQLite has no triggers, and so no general form of them.
FORMS = ("exact", "general") if connection.vendor == "postgresql" else ("exact",)


@pytest.fixture(params=FORMS)
def parcels(request: Any, db: None) -> Iterator[list[int]]:
    """The keys of two tenants; the table has these triggers."""
    generator, spelling = GENERATORS[connection.vendor], LIVE[connection.vendor]
    how = {"general": True} if request.param == "general" else {}
    time = "timestamptz" if connection.vendor == "postgresql" else "datetime"
    execute(
        "CREATE TABLE odd_parcel (number bigint PRIMARY KEY, count bigint, place bigint,"
        f" label varchar(20), to_id bigint, state varchar(20), moved {time},"
        " loud varchar(20) GENERATED ALWAYS AS (upper(label)) STORED)"
    )
    with connection.cursor() as cursor:
        for trigger in spelling.triggers([PARCEL], [SHOWN], **how):
            generator.create(cursor, trigger, None)
    yield [Tenant.objects.create(slug=slug, name=slug).pk for slug in ("acme", "globex")]
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
