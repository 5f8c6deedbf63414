"""Objects over REST, shown on documents: who gets which payload, and for whom they are absent."""

import json

import pytest
from rest_framework.test import APIClient

from permissions.read import read
from resources.audiences import DOCUMENTS
from resources.models import Document
from tenants import opaque
from tests.permissions.answers import LIST, NOT_FOUND, etag
from tests.permissions.conftest import READERS, STRANGERS
from tests.world import World


def of_other_spelling(world: World) -> str:
    """A text that decodes to the document's key, but is not its id."""
    shorter = (world.id[:length] for length in range(1, len(world.id)))
    decode = opaque._sqids("resources.document").decode
    return next(text for text in shorter if decode(text) == [world.document.pk])


def test_everybody_gets_their_audience_or_nothing(
    world: World, clients: dict[str, APIClient]
) -> None:
    answers = {name: client.get(world.url) for name, client in clients.items()}
    assert {n: a.status_code for n, a in answers.items()} == {
        **dict.fromkeys(READERS, 200),
        **dict.fromkeys(STRANGERS, 404),
    }
    for name, audience in READERS.items():
        answer = answers[name]
        declared = DOCUMENTS.audience(audience)
        assert declared is not None
        assert answer["X-Audience"] == audience
        assert tuple(answer.json()) == declared.fields
        pair = (world.user(name).pk, world.key)
        seen = read(world.tenants["acme"].pk, [pair]).seen[pair]
        assert seen is not None
        assert (answer.content, etag(answer)) == (seen.body, f'"{seen.etag}"')
    assert len({etag(answers[name]) for name in READERS}) == 4
    assert {n: answers[n].json() for n in STRANGERS} == dict.fromkeys(STRANGERS, NOT_FOUND)


def test_answers_are_private(world: World) -> None:
    client = world.rest("owner")
    known = etag(client.get(world.url))
    answers = [
        client.get(world.url),
        client.get(LIST),
        client.get(world.url, headers={"If-None-Match": known}),
        client.post(LIST, {"title": "New"}),
        client.patch(world.url, {"title": "Changed"}),
        client.get(f"{world.url}grants/"),
        client.get("/api/documents/unknown/"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 304, 201, 200, 200, 404]
    for answer in answers:
        assert answer["Cache-Control"] == "private, no-store"
        assert {"Authorization", "Cookie", "X-Tenant"} <= set(answer["Vary"].split(", "))


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head"])
def test_whatever_cannot_be_seen_is_absent_alike(world: World, method: str) -> None:
    foreign = world.create("globex", "rival")
    Document.objects.across_tenants().filter(pk=foreign.pk).update(title="Foreign")
    member, owner = world.rest("member"), world.rest("owner")
    ids = {
        "foreign": (owner, opaque.encode(Document, foreign.pk)),
        "forbidden": (member, world.id),
        "absent": (owner, opaque.encode(Document, 10**9)),
        "of a user": (owner, world.user_id("owner")),
        "other spelling": (owner, of_other_spelling(world)),
        "integer": (owner, str(world.document.pk)),
        "huge": (owner, "9" * 400),
        "not its case": (owner, world.id.swapcase()),
        "null": (owner, "%00"),
        "no text": (owner, "%ff%ed%a0%80"),
    }
    answers = {n: getattr(c, method)(f"{LIST}{id}/", {"title": "X"}) for n, (c, id) in ids.items()}
    expected = b"" if method == "head" else json.dumps(NOT_FOUND, separators=(",", ":")).encode()
    assert {n: (a.status_code, a.content) for n, a in answers.items()} == dict.fromkeys(
        ids, (404, expected)
    )
    assert Document.objects.across_tenants().count() == 2


def test_options_tell_nothing_about_the_object(world: World) -> None:
    paths = [world.url, f"{LIST}{world.document.pk}/", f"{LIST}unknown/"]
    answers = [world.rest("member").options(path) for path in paths]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_head_has_the_headers_of_get(world: World) -> None:
    client = world.rest("editor")
    head, get = client.head(world.url), client.get(world.url)
    assert (head.status_code, head.content, etag(head)) == (200, b"", etag(get))
    assert head["X-Audience"] == "editor"


def test_nobody_without_a_credential_or_a_place_gets_in(world: World) -> None:
    table = [
        (APIClient(), 401, "not_authenticated"),
        (world.rest("both", ""), 400, "tenant_required"),
        (world.rest("rival"), 403, "tenant_forbidden"),
        (world.rest("owner", "globex"), 403, "tenant_forbidden"),
    ]
    for client, code, name in table:
        for call in (client.get, client.patch, client.delete):
            answer = call(world.url)
            assert (answer.status_code, answer.json()["code"]) == (code, name)


def test_schema_documents_the_payload_of_each_audience() -> None:
    schema = APIClient().get("/api/schema/", headers={"Accept": "application/json"}).json()
    schemas = schema["components"]["schemas"]
    names = [each["$ref"].split("/")[-1] for each in schemas["Document"]["oneOf"]]
    shown = [tuple(schemas[name]["properties"]) for name in names]
    assert shown == [audience.fields for audience in DOCUMENTS.audiences]
