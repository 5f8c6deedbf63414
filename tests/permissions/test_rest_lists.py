"""The list over REST: what the reader sees, newest first, in parts."""

from dataclasses import replace
from typing import Any

import pytest
from rest_framework.test import APIClient

from permissions.listing import list_within
from permissions.rest_lists import asked
from resources.audiences import DOCUMENTS
from resources.documents.views import DocumentViewSet
from resources.models import Document
from tenants import opaque
from tests.permissions.answers import LIST
from tests.permissions.conftest import STRANGERS
from tests.world import World


def fill(world: World, number: int, **fields: Any) -> None:
    Document.objects.bulk_create(
        Document(
            tenant=world.tenants["acme"], owner=world.user("owner"), title=str(n), **fields
        )
        for n in range(number)
    )  # fmt: skip


def titles(client: APIClient, query: str = "") -> list[str]:
    return [document["title"] for document in client.get(f"{LIST}?{query}").json()["results"]]


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


def test_rows_tell_of_each_object_what_its_own_get_does(
    world: World, clients: dict[str, APIClient]
) -> None:
    world.grant("viewer", "editor", world.create(title="Second"))
    for client in clients.values():
        body = client.get(LIST).json()
        assert set(body) == {"results", "rows", "more", "cursor", "unavailable"}
        assert len(body["results"]) == len(body["rows"])
        for shown, row in zip(body["results"], body["rows"], strict=True):
            alone = client.get(f"{LIST}{row['id']}/")
            assert alone.json() == shown
            etag = alone["ETag"].strip('"')
            assert row == {"id": shown["id"], "audience": alone["X-Audience"], "etag": etag}


def test_object_seen_by_several_ways_is_listed_once(world: World) -> None:
    world.grant("admin", "viewer")
    [row] = world.rest("admin").get(LIST).json()["results"]
    assert "body" in row


def test_object_that_the_read_does_not_find_is_passed_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the model's own manager leaves it out."""
    foreign = world.create("globex", "rival").pk

    def more(*args: Any) -> Any:
        [keys] = list_within(*args)
        return [[foreign, *keys, foreign - 10**6]]

    monkeypatch.setattr("permissions.pages.list_within", more)
    body = world.rest("viewer").get(LIST).json()
    assert ([row["id"] for row in body["rows"]], body["unavailable"]) == ([world.id], 0)


def test_whole_list_is_read_part_by_part(world: World) -> None:
    fill(world, 7)
    world.grant("viewer", "editor", Document.objects.across_tenants().get(title="3"))
    for name, whole in (("owner", [*"6543210", "Plan"]), ("viewer", ["3", "Plan"])):
        client = world.rest(name)
        for limit in (1, 2, 3, 8):
            found, query = [], f"limit={limit}"
            while query:
                body = client.get(f"{LIST}?{query}").json()
                found += [d["title"] for d in body["results"]]
                query = body["more"] and f"limit={limit}&after={body['cursor']}"
            assert found == whole, (name, limit)


def test_what_comes_and_goes_between_two_parts_is_neither_twice_nor_missed(world: World) -> None:
    fill(world, 4)
    client = world.rest("owner")
    body = client.get(f"{LIST}?limit=2").json()
    for row in body["rows"]:
        assert client.delete(f"{LIST}{row['id']}/").status_code == 204
    world.create(title="New")
    assert titles(client, f"after={body['cursor']}") == ["1", "0", "Plan"]


def test_limit_is_a_hundred_unless_less_is_asked_for(world: World) -> None:
    fill(world, 100)
    client = world.rest("owner")
    sizes = {query: len(titles(client, query)) for query in ("", "limit=1", "limit=100")}
    assert sizes == {"": 100, "limit=1": 1, "limit=100": 100}
    first = client.get(LIST).json()
    last = client.get(f"{LIST}?after={first['cursor']}").json()
    assert (first["more"], [d["title"] for d in last["results"]]) == (True, ["Plan"])
    assert last["more"] is False


def test_wrong_limit_is_refused(world: World) -> None:
    client = world.rest("owner")
    for limit in (
        "0", "-1", "101", "1.5", "1e1", "x", "", "%00", "+5", "05", "5%20", "%D9%A3", "9" * 5000,
        "null", "true", "[5]",
    ):  # fmt: skip
        answer = client.get(f"{LIST}?limit={limit}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), limit
        assert "limit" in answer.json()["detail"]
        assert answer["Cache-Control"] == "private, no-store"


def test_wrong_cursor_is_refused_whosever_it_was(world: World) -> None:
    owner = world.rest("owner")
    world.create("globex", "both")
    world.grant("both", "viewer")
    mine = owner.get(LIST).json()["cursor"]
    foreign = {
        "another user's": world.rest("viewer").get(LIST).json()["cursor"],
        "another model's": owner.get("/api/profiles/").json()["cursor"],
    }
    wrong = {
        **foreign, "cut": mine[:-1], "an id": world.id, "a key": str(world.document.pk),
        "forged": mine.replace(world.id, opaque.encode(Document, 10**6)), "empty": "",
        "null": "%00", "surrogate": "%ed%a0%80", "long": "a" * 5000,
    }  # fmt: skip
    for what, cursor in wrong.items():
        answer = owner.get(f"{LIST}?after={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), what
        assert "after" in answer.json()["detail"]
    elsewhere = world.rest("both", "globex").get(LIST).json()["cursor"]
    both = world.rest("both", "acme")
    assert both.get(f"{LIST}?after={elsewhere}").status_code == 400
    assert both.get(f"{LIST}?after={both.get(LIST).json()['cursor']}").status_code == 200
    assert str(world.document.pk) not in mine.split(".")[0] or world.document.pk < 10


def test_filters_narrow_and_what_is_not_declared_is_ignored(world: World) -> None:
    for status in ("published", "archived", "draft"):
        world.create(title=status, status=status)
    client = world.rest("owner")
    assert titles(client, "status=draft") == ["draft", "Plan"]
    assert titles(client, "status=published&status=archived") == ["archived", "published"]
    assert titles(client, "status=draft&limit=1") == ["draft"]
    assert titles(client, "status=Draft") == titles(client, "status=draft%20") == []
    assert titles(client, "status=") == titles(client, "status=none&status=other") == []
    everything = ["draft", "archived", "published", "Plan"]
    for ignored in ("title=Plan", "page=2", "page_size=1", "budget=1", "status__in=draft", "x"):
        assert titles(client, ignored) == everything
    body = client.get(f"{LIST}?status=draft&limit=1").json()
    assert titles(client, f"status=draft&after={body['cursor']}") == ["Plan"]


def test_wrong_filter_is_refused(world: World) -> None:
    client = world.rest("owner")
    many = "&".join(f"status={n}" for n in range(101))
    for query in ("status=%00", many):
        answer = client.get(f"{LIST}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert "status" in answer.json()["detail"]


def test_who_does_not_see_a_field_learns_nothing_by_asking_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = replace(DOCUMENTS, filters=("budget", "review_notes"))
    monkeypatch.setattr(DocumentViewSet, "resource", resource)
    world.write(review_notes="secret", budget="12.50")
    found = {}
    for name in ("owner", "editor", "viewer", "admin"):
        client = world.rest(name)
        found[name] = titles(client, "budget=12.50"), titles(client, "review_notes=secret")
    plan = ["Plan"]
    assert found == {
        "owner": (plan, plan), "editor": ([], plan), "viewer": ([], []), "admin": ([], []),
    }  # fmt: skip
    assert titles(world.rest("viewer"), "budget=null") == []


def test_schema_describes_the_list(world: World) -> None:
    paths = world.rest("owner").get("/api/schema/?format=json").json()["paths"]
    listed = paths["/api/documents/"]["get"]
    names = [each["name"] for each in listed["parameters"] if "name" in each]
    assert names == ["after", "limit", "status"]
    kept = paths["/api/documents/{id}/grants/"]["get"]
    assert {each.get("name") for each in kept["parameters"]} >= {"page", "page_size"}


def test_query_becomes_an_ask() -> None:
    from django.http import QueryDict

    ask = asked(DOCUMENTS, 1, 2, QueryDict("limit=5&status=draft"))
    assert (ask.user_id, ask.limit, ask.after, ask.where) == (
        2, 5, None, (("status", ("draft",)),),
    )  # fmt: skip
