"""The AsyncAPI document says what the protocol says, and holds together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.test import Client

from realtime.state.codes import Close
from realtime.transport.conversation import WELCOME_LIMITS
from tests.contracts import contracts
from tests.documented import close_codes


def references(part: Any) -> Iterator[str]:
    """Each reference anywhere in a document."""
    if isinstance(part, dict):
        yield from (v for k, v in part.items() if k == "$ref" and isinstance(v, str))
    for each in part.values() if isinstance(part, dict) else part:
        if isinstance(each, dict | list):
            yield from references(each)


def test_each_reference_leads_somewhere() -> None:
    document = contracts().asyncapi
    assert len(set(references(document))) > 50
    for each in set(references(document)):
        place: Any = document
        for step in each.removeprefix("#/").split("/"):
            place = place[step]
        assert isinstance(place, dict)


def test_close_codes_are_those_of_the_protocol() -> None:
    channel = contracts().asyncapi["channels"]["socket"]
    told = {each["code"]: each["do"] for each in channel["x-close-codes"]}
    documented = close_codes()
    assert told == {code: do for code, do in documented.items() if code in told}
    assert set(told) == {int(code) for code in Close}


def test_limits_are_those_that_the_welcome_names() -> None:
    channel = contracts().asyncapi["channels"]["socket"]
    assert {each["name"] for each in channel["x-limits"]} == set(WELCOME_LIMITS)


def test_document_and_its_page_are_open_to_all() -> None:
    answer = Client().get("/api/asyncapi.json")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer.json()["asyncapi"] == "3.0.0"
    kept = Client().get("/api/asyncapi.json", headers={"if-none-match": answer["ETag"]})
    assert (kept.status_code, kept.content) == (304, b"")
    assert Client().post("/api/asyncapi.json").status_code == 405
    page = Client().get("/api/docs/socket/")
    assert page.status_code == 200
    for name in answer.json()["components"]["messages"]:
        assert f'id="{name}"'.encode() in page.content
