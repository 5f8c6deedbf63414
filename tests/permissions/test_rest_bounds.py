"""Bounds over REST: texts as long as the contract says, and what is longer already."""

from typing import Any

import pytest

from resources.models import Document
from tests.permissions.answers import LIST, stored
from tests.world import World

LONGEST = {"title": 200, "body": 100_000, "review_notes": 100_000}


@pytest.mark.parametrize("character", ["e", "€", "\U0001f600", "\x01"])
def test_texts_may_be_as_long_as_the_contract_says(world: World, character: str) -> None:
    client = world.rest("owner")
    longest = {name: character * size for name, size in LONGEST.items()}
    answer = client.patch(world.url, longest)
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in LONGEST} == longest
    for name, size in LONGEST.items():
        answer = client.patch(world.url, {name: character * (size + 1)})
        assert (answer.status_code, set(answer.json())) == (400, {name})
        answer = client.post(LIST, {"title": "T", name: character * (size + 1)})
        assert (answer.status_code, set(answer.json())) == (400, {name})


def test_biography_has_two_thousand_characters(world: World) -> None:
    client = world.rest("member")
    mine = f"/api/profiles/{client.get('/api/profiles/me/').json()['id']}/"
    assert client.patch(mine, {"bio": "b" * 2_000}).status_code == 200
    answer = client.patch(mine, {"bio": "b" * 2_001})
    assert (answer.status_code, set(answer.json())) == (400, {"bio"})


def test_longer_text_that_a_script_wrote_is_shown_and_can_be_mended(world: World) -> None:
    client, long = world.rest("owner"), "b" * 150_000
    world.write(body=long)
    assert client.get(world.url).json()["body"] == long
    assert client.get(LIST).json()["results"][0]["body"] == long
    assert client.patch(world.url, {"title": "Other"}).json()["body"] == long
    assert client.patch(world.url, {"body": "short"}).json()["body"] == "short"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ('{"title": "a", "title": "b"}', {"title"}),
        ('{"title": "a", "body": "b", "body": "b", "title": "a"}', {"title", "body"}),
        ('{"title": {"a": 1, "a": 1}}', {"title"}),
        ('{"title": "a\\u0000b"}', {"title"}),
        ('{"body": "\\ud800"}', {"body"}),
        ('{"budget": 1e400}', {"budget"}),
        ('{"budget": "1E+400"}', {"budget"}),
        ('{"due_on": "10000-01-01"}', {"due_on"}),
        ('{"due_on": "0000-01-01"}', {"due_on"}),
        ('{"status": ["draft"]}', {"status"}),
        ('{"status": true, "due_on": 5, "budget": "x"}', {"status", "due_on", "budget"}),
    ],
)
def test_every_mistake_in_a_body_is_named(world: World, body: str, named: set[str]) -> None:
    before, client = stored(world), world.rest("owner")
    answer: Any = client.patch(world.url, body, content_type="application/json")
    assert (answer.status_code, set(answer.json())) == (400, named)
    assert stored(world) == before


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "no such", ""])
def test_body_is_in_utf_8_whatever_charset_is_told(world: World, charset: str) -> None:
    told = f"application/json; charset={charset}"
    answer = world.rest("owner").patch(world.url, '{"title": "é"}'.encode(), content_type=told)
    assert (answer.status_code, Document.objects.get(tenant=world.tenants["acme"]).title) == (
        200,
        "é",
    )


def test_queries_in_whatever_bytes_are_answered(world: World) -> None:
    client = world.rest("owner")
    queries = [
        "limit=%ff", "after=%ed%a0%80", "x=%00", "limit=1&limit=2", "limit[]=1", "%00=%00",
        "status=%00", "status=%ff", "status=%ed%a0%80",
    ]  # fmt: skip
    answers = {query: client.get(f"{LIST}?{query}").status_code for query in queries}
    assert set(answers.values()) <= {200, 400}, answers
