"""Lists over REST: what the reader sees, in pages."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from permissions.pages import read_page
from resources.models import Document
from tests.permissions.answers import LIST
from tests.permissions.conftest import STRANGERS, elsewhere
from tests.world import World


def test_list_has_what_the_reader_sees_newest_first(
    world: World, clients: dict[str, APIClient]
) -> None:
    second = world.create(title="Second")
    world.grant("viewer", "editor", second)
    world.create("globex", "rival", title="Foreign")
    titles = {
        name: [(d["title"], len(d)) for d in client.get(LIST).json()["results"]]
        for name, client in clients.items()
    }
    assert titles == {
        "owner": [("Second", 9), ("Plan", 9)],
        "editor": [("Plan", 8)],
        "viewer": [("Second", 8), ("Plan", 6)],
        "admin": [("Second", 5), ("Plan", 5)],
        **{name: [] for name in STRANGERS},
    }
    for name, client in clients.items():
        for row in client.get(LIST).json()["results"]:
            assert client.get(f"{LIST}{row['id']}/").json() == row, name


def test_object_seen_by_several_ways_is_listed_once(world: World) -> None:
    world.grant("admin", "viewer")
    [row] = world.rest("admin").get(LIST).json()["results"]
    assert "body" in row


def test_object_lost_between_counting_and_reading_is_not_shown(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page was chosen while the viewer still had their grant; it is taken before the read."""

    def take_then_read(*args: Any) -> Any:
        elsewhere(lambda: world.revoke("viewer"))
        return read_page(*args)

    monkeypatch.setattr("permissions.rest.read_page", take_then_read)
    assert world.rest("viewer").get(LIST).json()["results"] == []


def test_pages_have_bounds(world: World) -> None:
    Document.objects.bulk_create(
        Document(tenant=world.tenants["acme"], owner=world.user("owner"), title=str(number))
        for number in range(101)
    )
    client = world.rest("owner")
    table = {
        "": 25,
        "page_size=1": 1,
        "page_size=100": 100,
        "page_size=101": 100,
        "page_size=0": 25,
        "page_size=-1": 25,
        "page_size=x": 25,
        "page_size=" + "9" * 5000: 25,
        "page_size=99999999999999999999": 100,
        "page=5": 2,
        "page=last": 2,
        "page_size=100&page=2": 2,
        "page=6": None,
        "page=0": None,
        "page=-1": None,
        "page=x": None,
        "page=%00": None,
        "page=99999999999999999999": None,
        "page=" + "9" * 5000: None,
    }
    answers = {query: client.get(f"{LIST}?{query}") for query in table}
    lengths = {q: len(a.json()["results"]) for q, a in answers.items() if a.status_code == 200}
    assert lengths == {q: n for q, n in table.items() if n}
    assert {a.status_code for q, a in answers.items() if table[q] is None} == {404}
    first = answers["page_size=100"].json()
    assert set(first) == {"count", "next", "previous", "results", "unavailable"}
    assert (first["count"], first["previous"]) == (102, None)
    assert client.get(first["next"]).json() == answers["page_size=100&page=2"].json()
