"""What each kind of constraint refuses is told over REST by the names of the body's fields, or as a
conflict: it is no failure of the server, and tells nothing of what other tenants have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from permissions.checks import check_resources
from realtime.models import Change
from tests.announced import announced
from tests.constrained import models
from tests.keyed.place import installing
from tests.world import World

Booking: Any = models.Booking
URL = "/api/bookings/"
LONG = "".join(map(chr, range(0x4E00, 0x4E00 + 9_000)))
"""It cannot be made short enough for an index."""

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def constrained(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    types: Any = nullcontext()
    if connection.vendor == "postgresql":
        from tests.formed.columns_postgresql import extended

        types = extended(django_db_blocker)
    with types, installing(django_db_blocker, "constrained"):
        yield


@pytest.fixture
def place(constrained: None, world: World) -> Iterator[World]:
    with override_settings(ROOT_URLCONF="tests.constrained.urls"):
        yield world
    announced()


def booked(world: World, tenant: str = "acme", owner: str = "member", **fields: Any) -> Any:
    where = {"tenant": world.tenants[tenant], "owner": world.user(owner)}
    return Booking.objects.create(**where, **fields)


UNIQUE = ["Must be unique."]
OTHERWISE = ["Not an allowed value."]
CONFLICT = {"detail", "code"}
Case = tuple[dict[str, Any], dict[str, Any], Any]
CASES: dict[str, Case] = {
    "unique among all": ({"key": 1}, {"key": 1}, {"key": OTHERWISE}),
    "unique together": ({"words": "a"}, {"words": "a"}, {"words": UNIQUE}),
    "check": ({}, {"low": 5, "high": 4}, {"low": OTHERWISE, "high": OTHERWISE}),
    "check with a column that is not written": ({}, {"start": -1}, {"start": OTHERWISE}),
    "check that the body says half of": ({}, {"low": 10}, {"low": OTHERWISE}),
}
if connection.vendor == "postgresql":
    CASES |= {
        "include": ({"code": 1, "title": "A"}, {"code": 1, "title": "B"}, {"code": UNIQUE}),
        "opclasses": ({"named": "a"}, {"named": "a"}, {"named": UNIQUE}),
        "nulls not distinct": (
            {"title": "R"},
            {"title": "R", "room": None},
            {"title": UNIQUE, "room": UNIQUE},
        ),
        "deferred": ({"shelf": 1}, {"shelf": 1}, {"shelf": UNIQUE}),
        "exclusion": ({"seat": 1}, {"seat": 1}, {"seat": OTHERWISE}),
        "exclusion of an expression, deferred": (
            {"title": "S"},
            {"title": "S", "low": 4},
            {"title": OTHERWISE, "low": OTHERWISE},
        ),
        "too long for an index": ({}, {"words": LONG}, {"words": OTHERWISE}),
    }
ALL = ("unique among all", "exclusion of an expression, deferred")
"""Those that other tenants' rows count for."""


@pytest.mark.parametrize("name", CASES)
def test_what_is_refused_is_named(place: World, name: str) -> None:
    there, body, said = CASES[name]
    if there:
        booked(place, **there)
    client = place.rest("owner")
    mine = client.post(URL, {"title": "Mine"}, format="json").json()
    before = Change.objects.count()
    for answer in (
        client.post(URL, body, format="json"),
        client.patch(f"{URL}{mine['id']}/", body, format="json"),
    ):
        assert (answer.status_code, answer.json()) == (400, said)
    assert client.get(f"{URL}{mine['id']}/").json() == mine
    assert Change.objects.count() == before


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][0]])
def test_other_tenants_rows_are_not_told_of(place: World, name: str) -> None:
    there, body, said = CASES[name]
    booked(place, "globex", "rival", **there)
    answer = place.rest("owner").post(URL, body, format="json")
    told = {400: said} if name in ALL else {201: answer.json()}
    assert {answer.status_code: answer.json()} == told


def test_constraint_that_concerns_nothing_written_is_a_conflict(place: World) -> None:
    """Its name has a sign by which no error of SQLite tells it."""
    mine = booked(place, owner="owner", start=1)
    Booking.objects.filter(pk=mine.pk).update(secret=0)
    client = place.rest("owner")
    [row] = client.get(URL).json()["results"]
    answer = client.patch(f"{URL}{row['id']}/", {"start": -1}, format="json")
    assert answer.status_code in (400, 409)


def test_no_check_refuses_them(constrained: None) -> None:
    assert [m for m in check_resources() if m.obj is Booking] == []
