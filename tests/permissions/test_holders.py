"""Holders' columns are weighed as gifts of who acts, by whatever query set they are written."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from permissions.ceiling import AboveCeiling, Actor, acting
from resources.models import Document
from tests.world import World


def stored(world: World) -> Any:
    return Document._base_manager.get(pk=world.document.pk)


def by_save(world: World) -> None:
    document = stored(world)
    document.owner = world.user("viewer")
    document.save()


def by_update(world: World) -> None:
    Document.objects.filter(tenant=world.tenants["acme"]).update(owner=world.user("viewer"))


def by_update_of_joined_rows(world: World) -> None:
    mine = Document.objects.filter(tenant=world.tenants["acme"], owner__username="owner")
    mine.order_by("-title").update(owner=world.user("viewer"))


def by_bulk_update(world: World) -> None:
    document = stored(world)
    document.owner = world.user("viewer")
    Document.objects.bulk_update([document], ["owner"])


def by_bulk_create(world: World) -> None:
    document = stored(world)
    document.owner = world.user("viewer")
    Document.objects.bulk_create(
        [document], update_conflicts=True, update_fields=["owner"], unique_fields=["id"]
    )


WAYS = [by_save, by_update, by_update_of_joined_rows, by_bulk_update, by_bulk_create]


@pytest.mark.each_case
@pytest.mark.parametrize("way", WAYS)
def test_editor_gives_nobody_the_document(place: World, way: Callable[[World], None]) -> None:
    with pytest.raises(AboveCeiling), acting(Actor(place.user("editor").pk)):
        way(place)


@pytest.mark.each_case
@pytest.mark.parametrize("way", WAYS[:-1])
def test_owner_gives_the_document_away(place: World, way: Callable[[World], None]) -> None:
    with acting(Actor(place.user("owner").pk)):
        way(place)
    assert stored(place).owner == place.user("viewer")


@pytest.mark.each_case
@pytest.mark.parametrize("way", WAYS)
def test_script_gives_it_away_and_nothing_is_read(
    place: World, way: Callable[[World], None]
) -> None:
    place.user("viewer")
    with CaptureQueriesContext(connection) as queries:
        way(place)
    assert stored(place).owner == place.user("viewer")
    assert not [q for q in queries if "earshot_tenants_membership" in q["sql"]]


def test_editor_may_write_what_is_no_holders_column(place: World) -> None:
    with acting(Actor(place.user("editor").pk)):
        Document.objects.filter(tenant=place.tenants["acme"]).update(title="New")
        Document.objects.bulk_create(
            [stored(place)], update_conflicts=True, update_fields=["body"], unique_fields=["id"]
        )
    assert stored(place).title == "New"
