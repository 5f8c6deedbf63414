"""Writes over REST: who may write which fields, and which bodies are refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from permissions.audiences import Audience
from resources.audiences import DOCUMENTS
from tests.permissions.answers import DENIED, LIST, etag, stored
from tests.permissions.conftest import STRANGERS
from tests.world import World

# Who may write, and which fields


def test_each_may_do_what_their_audience_may(world: World, clients: dict[str, APIClient]) -> None:
    calls: dict[str, Callable[[APIClient], Any]] = {
        "put": lambda c: c.put(world.url, {"title": "Put"}),
        "patch": lambda c: c.patch(world.url, {"title": "Patched"}),
        "unknown": lambda c: c.patch(world.url, {"no": 1}),
        "delete": lambda c: c.delete(world.url),
    }
    order = [*STRANGERS, "admin", "viewer", "editor", "owner"]
    got = {n: tuple(call(clients[n]).status_code for call in calls.values()) for n in order}
    assert got == {
        **dict.fromkeys(STRANGERS, (404, 404, 404, 404)),
        "admin": (403, 403, 403, 403),
        "viewer": (403, 403, 403, 403),
        "editor": (200, 200, 400, 403),
        "owner": (200, 200, 400, 204),
    }
    assert clients["owner"].get(world.url).status_code == 404


def test_refusal_has_a_code(world: World) -> None:
    answer = world.rest("viewer").patch(world.url, {"title": "X"})
    assert (answer.status_code, answer.json()) == (403, DENIED)
    assert stored(world)["title"] == "Plan"


def test_write_is_answered_as_the_next_read(world: World) -> None:
    client = world.rest("editor")
    for write, body in [
        (client.patch, {"title": "Patched", "due_on": "2026-05-01"}),
        (client.put, {"title": "Put", "body": "New"}),
        (client.patch, {}),
    ]:
        answer = write(world.url, body)
        read = client.get(world.url)
        assert answer.status_code == 200
        assert (answer.content, etag(answer)) == (read.content, etag(read))
        assert answer["X-Audience"] == "editor"


def test_payload_may_be_put_back_and_changes_nothing(world: World) -> None:
    for name in ("owner", "editor"):
        client, before = world.rest(name), stored(world)
        payload = client.get(world.url)
        answer = client.put(world.url, payload.json())
        assert (answer.status_code, etag(answer)) == (200, etag(payload))
        assert stored(world) == before


def test_put_ignores_what_may_only_be_read(world: World) -> None:
    read_only = {"id": "x", "owner_name": 5, "updated_at": None}
    answer = world.rest("owner").put(world.url, {"title": "Put", **read_only})
    assert answer.status_code == 200
    assert answer.json()["id"] == world.id
    assert answer.json()["owner_name"] == "owner"


CLOSED = [
    *((name, field) for name in ("owner", "editor") for field in ("id", "owner_name")),
    ("owner", "updated_at"),
    ("owner", "created_at"),
    ("owner", "version"),
    ("owner", "owner"),
    ("owner", "tenant"),
    ("owner", "pk"),
    ("owner", ""),
    ("owner", "\0"),
    ("owner", "\ud800"),
    ("editor", "budget"),
]


def test_patch_names_the_field_that_may_not_be_written(world: World) -> None:
    before = stored(world)
    for name, field in CLOSED:
        body = json.dumps({"title": "Changed", field: "x"})
        answer = world.rest(name).patch(world.url, body, content_type="application/json")
        assert (answer.status_code, set(answer.json())) == (400, {field})
    assert stored(world) == before


@pytest.mark.parametrize("field", ["created_at", "version", "owner", "tenant", "\ud800"])
def test_put_and_post_name_unknown_fields(world: World, field: str) -> None:
    client = world.rest("owner")
    body = json.dumps({"title": "Changed", field: "x"})
    for answer in (
        client.put(world.url, body, content_type="application/json"),
        client.post(LIST, body, content_type="application/json"),
    ):
        assert (answer.status_code, set(answer.json())) == (400, {field})


def test_writer_may_write_nothing_that_its_audience_may_not() -> None:
    editor: Audience = DOCUMENTS.audiences[1]
    serializer: Any = editor.write_serializer()
    fields = serializer.fields
    assert {n for n, f in fields.items() if not f.read_only} == set(editor.writes)


# Bodies


NO_OBJECTS = [
    ("[]", {"non_field_errors"}),
    ('[{"title": "X"}]', {"non_field_errors"}),
    ('"title"', {"non_field_errors"}),
    ("5", {"non_field_errors"}),
    ("true", {"non_field_errors"}),
    ("null", {"non_field_errors"}),
    ("{", {"detail", "code"}),
    ("NaN", {"detail", "code"}),
    ('{"title": Infinity}', {"detail", "code"}),
    ("\0", {"detail", "code"}),
    ("[" * 100_000, {"detail", "code"}),
    ("9" * 100_000, {"detail", "code"}),
]


def test_body_that_is_no_object_is_refused(world: World) -> None:
    client = world.rest("owner")
    for body, wrong in NO_OBJECTS:
        for send, url in ((client.patch, world.url), (client.put, world.url), (client.post, LIST)):
            answer = send(url, body, content_type="application/json")
            assert (answer.status_code, set(answer.json())) == (400, wrong), body[:60]


def test_no_body_is_an_object_without_fields(world: World) -> None:
    client = world.rest("owner")
    assert client.patch(world.url, "", content_type="application/json").status_code == 200
    for answer in (
        client.put(world.url, "", content_type="application/json"),
        client.post(LIST, "", content_type="application/json"),
    ):
        assert (answer.status_code, set(answer.json())) == (400, {"title"})


def test_only_json_is_taken(world: World) -> None:
    answer = world.rest("owner").post(LIST, {"title": "X"}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
