"""Every way in which Django documents that a row is written, by a receiver, a method or a manager:
it is noticed once, and what is pushed is what REST answers."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models

from realtime.models import Change
from tests.formed import ways_of_instances, ways_of_sets
from tests.formed.ways_besides import CREATING, DELETING, NOTHING
from tests.test_forms import Thing, formed, thing

__all__ = ["formed", "thing"]

pytestmark = pytest.mark.django_db(transaction=True)

CHANGING = ways_of_instances.CHANGING | ways_of_sets.CHANGING


def title(thing: Thing) -> Any:
    return models.QuerySet(thing.model).values_list("title", flat=True).get(pk=thing.stored.pk)


@pytest.mark.parametrize("name", CHANGING)
def test_change_is_noticed_once(thing: Thing, name: str) -> None:
    CHANGING[name](thing)
    assert {field for fields in thing.changed() for field in fields} >= {"title"}
    assert thing.get()["title"] == title(thing) != "One"
    thing.stored.refresh_from_db()
    thing.stored.save()
    assert thing.changed() is None


@pytest.mark.parametrize("name", NOTHING)
def test_what_writes_nothing_is_not_noticed(thing: Thing, name: str) -> None:
    NOTHING[name](thing)
    assert thing.changed() is None
    assert thing.get()["title"] == title(thing) == "One"


@pytest.mark.parametrize("name", CREATING)
def test_creation_is_noticed(thing: Thing, name: str) -> None:
    CREATING[name](thing)
    [change] = Change.objects.filter(pk__gt=thing.known)
    assert change.creation
    assert thing.objects.get(pk=change.object_id).title == "New"
    assert thing.get()["title"] == "One"


@pytest.mark.parametrize("name", DELETING)
def test_deletion_ends_it_for_its_readers(thing: Thing, name: str) -> None:
    DELETING[name](thing)
    assert not thing.objects.exists()
    assert thing.rest.get(thing.url).status_code in (404, 401)
