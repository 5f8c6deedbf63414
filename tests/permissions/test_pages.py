"""A page has a bound in bytes, and costs no more memory than that before it ends."""

import gc
import tracemalloc
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from permissions.pages import pieces, weighed
from permissions.rendering import SERIALIZATIONS
from resources.audiences import DOCUMENTS, PROFILES
from resources.models import Document
from tests.permissions.answers import LIST
from tests.unshowable import BAD, failing
from tests.world import World


def fill(world: World, number: int, **fields: Any) -> None:
    """So many documents of the owner's, written by a script."""
    for count in range(number):
        world.create(title=str(count), **fields)


def bound(settings: Settings, most: int) -> None:
    settings.EARSHOT = settings.EARSHOT | {"page_bytes": most}


def rendered() -> float:
    return SERIALIZATIONS.labels("resources.document", "owner")._value.get()


def whole(client: APIClient, query: str = "limit=100") -> list[list[str]]:
    """The titles of each part of the list."""
    parts: list[list[str]] = []
    more = ""
    while not parts or more:
        body = client.get(f"{LIST}?{query}{more}").json()
        parts.append([document["title"] for document in body["results"]])
        more = f"&after={body['cursor']}" if body["more"] else ""
    return parts


def test_page_of_more_bytes_ends_earlier_and_goes_on_at_its_cursor(
    world: World, settings: Settings
) -> None:
    fill(world, 10, body="b" * 1_000)
    client = world.rest("owner")
    size = len(client.get(f"{LIST}?limit=5").content)
    bound(settings, size)
    parts = whole(client)
    assert len(client.get(LIST).content) <= size
    assert [title for part in parts for title in part] == [*"9876543210", "Plan"]
    assert 4 <= len(parts[0]) <= 5
    assert whole(client, "limit=2")[0] == ["9", "8"]


def test_default_bound_is_four_mebibytes(world: World) -> None:
    fill(world, 5, body="\x01" * 100_000, review_notes="\x01" * 100_000)
    client = world.rest("owner")
    answer = client.get(f"{LIST}?limit=4")
    assert (answer.status_code, answer.json()["more"]) == (200, True)
    assert 3 * 2**20 < len(answer.content) < 4 * 2**20
    assert [len(part) for part in whole(client)] == [3, 3]


def test_one_object_is_shown_however_large_a_script_made_it(
    world: World, settings: Settings
) -> None:
    fill(world, 2, body="b" * 10_000)
    bound(settings, 5_000)
    assert whole(world.rest("owner")) == [["1"], ["0"], ["Plan"]]


def test_objects_that_cannot_be_shown_are_counted_where_a_page_ends_earlier(
    world: World, settings: Settings
) -> None:
    fill(world, 2, body="b" * 900)
    bound(settings, 1_500)
    with failing():
        world.write(review_notes=BAD, body="b" * 900)
        client = world.rest("owner")
        first = client.get(LIST).json()
        last = client.get(f"{LIST}?after={first['cursor']}").json()
    assert (len(first["rows"]), first["unavailable"], first["more"]) == (1, 0, True)
    assert (len(last["rows"]), last["unavailable"], last["more"]) == (1, 1, False)


def test_bound_is_of_what_the_reader_sees(world: World, settings: Settings) -> None:
    """An auditor does not see the texts, and must not feel them."""
    fill(world, 10, body="b" * 2_000)
    bound(settings, 10_000)
    assert len(whole(world.rest("owner"))) > 1
    assert [len(part) for part in whole(world.rest("admin"))] == [11]


def test_no_more_is_rendered_than_it_takes_to_pass_the_bound(
    world: World, settings: Settings
) -> None:
    fill(world, 40, body="b" * 1_000)
    bound(settings, 8_000)
    before = rendered()
    assert world.rest("owner").get(f"{LIST}?limit=100").json()["more"]
    assert 6 <= rendered() - before <= 9


def test_page_that_ends_earlier_takes_hardly_more_memory_than_one_object(world: World) -> None:
    """Twelve slow readers of a hundred such objects took three gigabytes."""
    Document.objects.bulk_create(
        Document(tenant=world.tenants["acme"], owner=world.user("owner"), body="b" * 2_400_000)
        for _ in range(12)
    )
    client, peaks = world.rest("owner"), []
    for size in (1, 1, 100):
        gc.collect()
        tracemalloc.start()
        try:
            answer = client.get(f"{LIST}?limit={size}")
            assert b'"more":true' in answer.content
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
    tenant_id, key = place.tenants["acme"].pk, place.document.pk
    other = place.create(title="Other").pk
    assert weighed(DOCUMENTS, tenant_id, [other, key]) == [(other, 0), (key, 25)]
    people = [person.pk for person in PROFILES.model.objects.filter(tenant=tenant_id)]
    assert weighed(PROFILES, tenant_id, people) == [(pk, 0) for pk in people]
    assert weighed(DOCUMENTS, tenant_id, [key]) == [(key, 0)]


def test_weights_are_asked_by_a_statement_that_is_written_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id, keys = world.document.tenant_id, [world.create().pk, world.document.pk]
    before = weighed(DOCUMENTS, tenant_id, keys)
    monkeypatch.delattr("permissions.stored.within")
    assert weighed(DOCUMENTS, tenant_id, keys) == before


def test_json_is_weighed_as_text(shop: World) -> None:
    from tests.permissions.shop.models import Item
    from tests.permissions.shop.urls import ITEMS

    client = shop.rest("owner")
    for extra in ({}, {"a": "b"}):
        assert client.post("/api/items/", {"extra": extra}, format="json").status_code == 201
    assert [row["extra"] for row in client.get("/api/items/").json()["results"]] == [{"a": "b"}, {}]
    tenant_id = shop.tenants["acme"].pk
    keys = [item.pk for item in Item.objects.filter(tenant=tenant_id).order_by("pk")]
    assert [weight for _, weight in weighed(ITEMS, tenant_id, keys)] == [2, 10]


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
