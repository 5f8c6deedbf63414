"""The app `housed` in a world, and who works in its houses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.db import connection
from django.test import override_settings

from tenants.models import Membership, User
from tests.announced import announced
from tests.housed import models
from tests.keyed.place import installing
from tests.world import World

DECLARED: Final[dict[str, Any]] = {
    "EARSHOT_TENANT_MODEL": "housed.House",
    "EARSHOT_TENANT_FIELDS": {
        "slug": "short", "name": "title", "active_while": {"closed_at": None},
    },
    "EARSHOT_MEMBERSHIP": {
        "model": "housed.Employment", "tenant": "house", "user": "person", "role": "level",
        "roles": {9: "admin", 5: "reviewer", 1: "member"}, "active_while": {"resting": False},
    },
}  # fmt: skip
House: Any = models.House
Employment: Any = models.Employment
Lamp: Any = models.Lamp
Bulb: Any = models.Bulb
Shade: Any = models.Shade
HIRED: Final = 'INSERT INTO housed_employment (house_id, "the person", level, resting)'


@pytest.fixture(scope="module")
def installed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with installing(django_db_blocker, "housed", **DECLARED):
        yield


@pytest.fixture
def housed(installed: None, world: World) -> Iterator[World]:
    """Two houses: a villa of the owner, the boss, and the viewer; and a hut of the rival."""
    with override_settings(ROOT_URLCONF="tests.housed.urls"):
        for short in ("villa", "hut"):
            House.objects.create(short=short, title=short.capitalize())
        hire("owner", level=9)
        hire("viewer")
        hire("rival", "hut")
        yield world
    announced()


def house(short: str = "villa") -> Any:
    return House.objects.get(short=short)


def person(name: str) -> User:
    return User.objects.get(username=name)


def hire(name: str, short: str = "villa", **values: Any) -> Any:
    return Employment.objects.create(house=house(short), person=person(name), **values)


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def standing(short: str = "villa") -> dict[str, tuple[str, bool]]:
    """Who is a member there, as what, and whether they are active."""
    rows = Membership.objects.filter(tenant__slug=short).select_related("user")
    return {row.user.username: (row.role, row.is_active) for row in rows}


BEFORE: Final = {"owner": ("admin", True), "viewer": ("member", True)}
WITHOUT: Final = {**BEFORE, "viewer": ("member", False)}
