"""A page has a bound in bytes, and costs no more memory than that before it is refused."""

import gc
import tracemalloc
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from permissions import decision
from permissions.pages import pieces, weighed
from permissions.rendering import SERIALIZATIONS
from resources.audiences import DOCUMENTS, PROFILES
from resources.models import Document
from tenants.models import Membership
from tests.permissions.answers import LIST
from tests.world import World


def fill(world: World, number: int, **fields: Any) -> None:
    """So many documents of the owner's, written by a script."""
    for count in range(number):
        world.create(title=str(count), **fields)


def bound(settings: Settings, most: int) -> None:
    settings.EARSHOT = settings.EARSHOT | {"page_bytes": most}


def rendered() -> float:
    return SERIALIZATIONS.labels("resources.document", "owner")._value.get()


def test_page_of_more_bytes_is_refused_and_a_smaller_one_is_not(
    world: World, settings: Settings
) -> None:
    fill(world, 10, body="b" * 1_000)
    client = world.rest("owner")
    size = len(client.get(f"{LIST}?page_size=5").content)
    bound(settings, size)
    assert len(client.get(f"{LIST}?page_size=5").json()["results"]) == 5
    answer = client.get(LIST)
    assert (answer.status_code, answer.json()["code"]) == (400, "page_too_large")
    assert "page_size" in answer.json()["detail"]
    assert answer["Cache-Control"] == "private, no-store"


def test_default_bound_is_four_mebibytes(world: World) -> None:
    fill(world, 5, body="\x01" * 100_000, review_notes="\x01" * 100_000)
    client = world.rest("owner")
    assert client.get(f"{LIST}?page_size=4").json()["code"] == "page_too_large"
    answer = client.get(f"{LIST}?page_size=3")
    assert answer.status_code == 200
    assert 3 * 2**20 < len(answer.content) < 4 * 2**20


def test_one_object_is_shown_however_large_a_script_made_it(
    world: World, settings: Settings
) -> None:
    fill(world, 2, body="b" * 10_000)
    bound(settings, 5_000)
    client = world.rest("owner")
    assert len(client.get(f"{LIST}?page_size=1").json()["results"][0]["body"]) == 10_000
    assert client.get(f"{LIST}?page_size=2").json()["code"] == "page_too_large"


def test_bound_is_of_what_the_reader_sees(world: World, settings: Settings) -> None:
    """An auditor does not see the texts, and must not feel them."""
    fill(world, 10, body="b" * 2_000)
    bound(settings, 10_000)
    assert world.rest("owner").get(LIST).status_code == 400
    assert len(world.rest("admin").get(LIST).json()["results"]) == 11


def test_no_more_is_rendered_than_it_takes_to_pass_the_bound(
    world: World, settings: Settings
) -> None:
    fill(world, 40, body="b" * 1_000)
    bound(settings, 8_000)
    before = rendered()
    assert world.rest("owner").get(f"{LIST}?page_size=100").status_code == 400
    assert 7 <= rendered() - before <= 9


def test_page_that_is_refused_takes_hardly_more_memory_than_one_object(world: World) -> None:
    """Twelve slow readers of a hundred such objects took three gigabytes."""
    Document.objects.bulk_create(
        Document(tenant=world.tenants["acme"], owner=world.user("owner"), body="b" * 2_400_000)
        for _ in range(12)
    )
    client, peaks = world.rest("owner"), []
    for size, status in ((1, 200), (1, 200), (100, 400)):
        gc.collect()
        tracemalloc.start()
        try:
            assert client.get(f"{LIST}?page_size={size}").status_code == status
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[-1] < peaks[1] + 2 * 2_400_000 + 2**20


def test_page_of_small_objects_costs_as_many_queries_as_ever(world: World) -> None:
    client, counts = world.rest("owner"), []
    for number in (1, 20):
        fill(world, number)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(LIST).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_objects_are_weighed_by_their_long_columns(place: World) -> None:
    place.write(body="é" * 10, review_notes="n" * 5)
    everything = Document.objects.filter(tenant=place.tenants["acme"])
    member = Membership.objects.get(tenant=place.tenants["acme"], user=place.user("member"))
    assert list(weighed(DOCUMENTS, decision.visible(DOCUMENTS, everything, member))) == []
    assert list(weighed(DOCUMENTS, everything)) == [(place.document.pk, 25)]
    people = PROFILES.model.objects.filter(tenant=place.tenants["acme"])
    assert {weight for _, weight in weighed(PROFILES, people)} == {0}


def test_json_is_weighed_as_text(shop: World) -> None:
    from tests.permissions.shop.models import Item
    from tests.permissions.shop.urls import ITEMS

    client = shop.rest("owner")
    for extra in ({}, {"a": "b"}):
        assert client.post("/api/items/", {"extra": extra}, format="json").status_code == 201
    assert [row["extra"] for row in client.get("/api/items/").json()["results"]] == [{"a": "b"}, {}]
    items = Item.objects.filter(tenant=shop.tenants["acme"]).order_by("pk")
    assert [weight for _, weight in weighed(ITEMS, items)] == [2, 10]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([], []),
        ([1], [[0]]),
        ([5, 5, 5], [[0, 1], [2]]),
        ([11, 1, 1], [[0], [1, 2]]),
        ([1, 11, 1], [[0], [1], [2]]),
        ([0] * 5, [[0, 1, 2, 3, 4]]),
        ([10, 0, 1], [[0, 1], [2]]),
    ],
)
def test_pieces_are_as_large_as_they_may_be(weights: list[int], expected: list[list[int]]) -> None:
    assert list(pieces(list(enumerate(weights)), 10)) == expected
