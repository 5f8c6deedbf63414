"""Grants are the tenant's in which their objects are, however that is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import models
from pytest_django import Settings

from project.console import tenant_data
from tests.keyed.models import Shelf
from tests.keyed.place import Place, installed, keyed, place_of
from tests.project.console.test_tenant_command import run
from tests.world import World

__all__ = ["installed", "keyed"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(keyed: World) -> Place:
    """A book on a shelf of acme, one on a shelf of globex, and one on none, each with a grant."""
    place = place_of(keyed, "book")
    for number, slug in enumerate(("acme", "globex")):
        shelf = Shelf.objects.create(tenant=keyed.tenants[slug])
        place.grant(place.create(number, shelf=shelf), "viewer")
    place.grant(place.create(2), "viewer")
    return place


def granted(rows: Any) -> list[str]:
    return [row.content_object.title for row in rows]


def grants(place: Place) -> Any:
    return place.resource.user_grants._base_manager.order_by("pk")


def test_grants_are_exported_with_the_tenant_of_their_objects(
    keyed: World, books: Place, tmp_path: Path
) -> None:
    path = tmp_path / "acme.jsonl"
    run("export_tenant", "acme", "--output", str(path))
    rows = map(json.loads, path.read_text().splitlines())
    label = books.resource.user_grants._meta.label_lower
    found = [row["row"]["content_object_id"] for row in rows if row["model"] == label]
    assert found == [books.model.objects.get(title="Title 0").pk]


def test_grants_go_with_the_tenant_of_their_objects(
    keyed: World, books: Place, settings: Settings
) -> None:
    settings.EARSHOT = settings.EARSHOT | {"tail_seconds": 0.001}
    run("delete_tenant", "acme", "--slug-again", "acme")
    assert granted(grants(books)) == ["Title 1", "Title 2"]


def test_grants_on_what_has_no_tenant_are_of_everybody(keyed: World) -> None:
    place = place_of(keyed, "loose")
    place.grant(place.create(1), "viewer")
    rows: list[models.QuerySet[Any]] = list(tenant_data.rows(keyed.tenants["acme"]))
    [found] = [each for each in rows if each.model is place.resource.user_grants]
    assert granted(found) == []
