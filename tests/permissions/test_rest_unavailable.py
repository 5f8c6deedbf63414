"""REST of objects that cannot be shown: 503 by themselves, left out of lists, mended or deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from rest_framework.test import APIClient

from resources.models import Document
from tests.unshowable import BAD, Unshowable, failing
from tests.world import World

LIST = "/api/documents/"


@pytest.fixture(autouse=True)
def unshowable() -> Iterator[None]:
    with failing():
        yield


@pytest.fixture
def bad(world: World) -> World:
    """The world, whose document cannot be shown to owners and editors."""
    world.write(review_notes=BAD)
    return world


def stored(world: World) -> Document:
    return Document.objects.get(tenant=world.tenants["acme"], pk=world.document.pk)


def is_unavailable(answer: Any) -> bool:
    body = answer.json()
    assert "ETag" not in answer
    return (answer.status_code, body["code"], set(body)) == (
        503, "unavailable", {"detail", "code"},
    )  # fmt: skip


@pytest.fixture
def owner(bad: World) -> APIClient:
    return bad.rest("owner")


def test_what_cannot_be_shown_is_503_for_those_audiences_alone(bad: World) -> None:
    for username in ("owner", "editor"):
        assert is_unavailable(bad.rest(username).get(bad.url))
    for username in ("viewer", "admin"):
        assert bad.rest(username).get(bad.url).status_code == 200
    for username, tenant in (("member", "acme"), ("rival", "globex")):
        assert bad.rest(username, tenant).get(bad.url).status_code == 404


@pytest.mark.parametrize("known", ["*", '""', '"0123"'])
def test_who_has_a_copy_is_not_told_that_it_is_still_right(
    bad: World, owner: APIClient, known: str
) -> None:
    assert is_unavailable(owner.get(bad.url, HTTP_IF_NONE_MATCH=known))


def test_a_list_leaves_it_out_and_counts_it_for_this_page(bad: World, owner: APIClient) -> None:
    for title in ("second", "third"):
        bad.create(title=title)
    first = owner.get(f"{LIST}?limit=2").json()
    second = owner.get(f"{LIST}?limit=2&after={first['cursor']}").json()
    assert [d["title"] for d in first["results"]] == ["third", "second"]
    assert (first["unavailable"], first["more"]) == (0, True)
    assert (second["results"], second["rows"]) == ([], [])
    assert (second["unavailable"], second["more"]) == (1, False)
    beyond = owner.get(f"{LIST}?after={second['cursor']}").json()
    assert (beyond["results"], beyond["unavailable"], beyond["cursor"]) == ([], 0, None)
    assert bad.rest("viewer").get(LIST).json()["unavailable"] == 0


def test_it_can_be_deleted(bad: World, owner: APIClient) -> None:
    assert owner.delete(bad.url).status_code == 204
    assert owner.get(bad.url).status_code == 404


def test_writing_the_field_at_fault_mends_it(bad: World, owner: APIClient) -> None:
    answer = owner.patch(bad.url, {"review_notes": "good"}, format="json")
    assert (answer.status_code, answer.json()["review_notes"]) == (200, "good")
    assert owner.get(bad.url)["ETag"] == answer["ETag"]


@pytest.mark.parametrize("method", ["patch", "put"])
def test_a_write_that_does_not_mend_it_changes_nothing(
    bad: World, owner: APIClient, method: str
) -> None:
    version = stored(bad).version
    assert is_unavailable(getattr(owner, method)(bad.url, {"title": "New"}, format="json"))
    assert (stored(bad).title, stored(bad).version) == ("Plan", version)


def test_a_write_after_which_it_cannot_be_shown_changes_nothing(world: World) -> None:
    owner = world.rest("owner")
    assert is_unavailable(owner.patch(world.url, {"review_notes": BAD}, format="json"))
    assert stored(world).review_notes == ""


def test_what_could_not_be_shown_to_its_creator_is_not_created(world: World) -> None:
    body = {"title": "New", "review_notes": BAD}
    assert is_unavailable(world.rest("owner").post(LIST, body, format="json"))
    assert Document.objects.filter(tenant=world.tenants["acme"]).count() == 1


@pytest.mark.parametrize(
    ("condition", "code"), [("*", 200), ('"0123"', 412), ('""', 412), ("x", 412)]
)
def test_only_any_state_matches_what_has_none(
    bad: World, owner: APIClient, condition: str, code: int
) -> None:
    answer = owner.patch(bad.url, {"review_notes": "good"}, format="json", HTTP_IF_MATCH=condition)
    assert answer.status_code == code


def test_who_does_not_see_the_field_at_fault_writes_as_ever(world: World) -> None:
    with failing(of_owners=True):
        world.write(budget="66.66")
        assert is_unavailable(world.rest("owner").get(world.url))
        answer = world.rest("editor").patch(world.url, {"title": "New"}, format="json")
        assert (answer.status_code, answer.json()["title"]) == (200, "New")


def test_its_grants_are_managed_as_ever(bad: World, owner: APIClient) -> None:
    grants = f"{bad.url}grants/"
    assert owner.get(grants).json()["count"] == 4
    to = f"{grants}user:{bad.user_id('member')}/"
    assert owner.put(to, {"audience": "viewer"}, format="json").status_code == 200
    assert bad.rest("member").get(bad.url).status_code == 200
    assert owner.delete(to).status_code == 204
    assert owner.options(bad.url).status_code == 200


@pytest.mark.parametrize(
    "error",
    [
        Unshowable("x"), KeyError("x"), RecursionError("x"), MemoryError("x"), AttributeError("x"),
        TypeError("x"), UnicodeEncodeError("utf-8", "x", 0, 1, "x"), AssertionError("x"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_whatever_is_raised_is_the_object_s_alone(bad: World, error: Exception) -> None:
    with failing(error):
        assert is_unavailable(bad.rest("editor").get(bad.url))
        assert bad.rest("viewer").get(bad.url).status_code == 200


def test_a_database_that_goes_while_an_answer_is_made_is_said_so(
    world: World, owner: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise OperationalError("x")

    monkeypatch.setattr("permissions.rest.objects_of", away)
    answer = owner.patch(world.url, {"title": "New"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
    assert stored(world).title == "Plan"
