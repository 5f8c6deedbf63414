"""The OpenAPI document is made once, whoever asks for it at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from project import schema
from tests.contracts import contracts

JSON, YAML = "application/vnd.oai.openapi+json", "application/vnd.oai.openapi"
AT_ONCE = 50


@pytest.fixture(autouse=True)
def unmade() -> Iterator[None]:
    """Nobody has asked yet."""
    schema._made.clear()
    yield
    schema._made.clear()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One for each time that a document is made, besides those that the tests' clients know."""
    contracts()
    made: list[int] = []
    generate: Any = SchemaGenerator.get_schema

    def count(*args: Any, **kwargs: Any) -> Any:
        made.append(1)
        return generate(*args, **kwargs)

    monkeypatch.setattr(SchemaGenerator, "get_schema", count)
    return made


def get(**options: Any) -> Any:
    return Client().get("/api/schema/", **options)


def test_many_at_once_get_the_same_bytes_of_a_document_made_once(made: list[int]) -> None:
    begin = Barrier(AT_ONCE)

    def ask(_: int) -> Any:
        begin.wait()
        return get(headers={"accept": JSON})

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(ask, range(AT_ONCE)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert made == [1]


@pytest.mark.parametrize(
    ("options", "kind", "suffix"),
    [
        ({}, YAML, "yaml"),
        ({"headers": {"accept": JSON}}, JSON, "json"),
        ({"headers": {"accept": "application/json"}}, "application/json", "json"),
        ({"headers": {"accept": "application/yaml"}}, "application/yaml", "yaml"),
        ({"query_params": {"format": "json"}}, JSON, "json"),
    ],
)
def test_document_comes_as_the_client_accepts_it(options: Any, kind: str, suffix: str) -> None:
    answer = get(**options)
    assert answer["Content-Type"].split(";")[0] == kind
    assert f'.{suffix}"' in answer["Content-Disposition"]
    assert "Accept" in answer["Vary"]
    assert b"/api/documents/{id}/" in answer.content
    assert get(headers={"accept": "text/html"}).status_code == 406


def test_cache_keeps_it_and_asks_whether_it_changed(made: list[int]) -> None:
    first = get()
    assert first["Cache-Control"] == "public, no-cache"
    again = get(headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert get(headers={"if-none-match": '"other"'}).content == first.content
    assert get(headers={"accept": JSON})["ETag"] != first["ETag"]
    head = Client().head("/api/schema/")
    assert (head.status_code, head["ETag"]) == (200, first["ETag"])
    assert len(made) == 2


def test_it_is_the_same_for_everybody_and_asks_for_nothing() -> None:
    asked = {"authorization": "Token wrong", "x-tenant": "acme", "accept-language": "de"}
    assert get(headers=asked).content == get().content == get(query_params={"lang": "de"}).content


def test_documentation_loads_it() -> None:
    assert b"/api/schema/" in Client().get("/api/docs/").content
