"""`visible_by`: a row of which nobody has an audience, whatever they hold or are granted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from permissions import decision
from permissions.audiences import Resource
from permissions.read import read
from resources.audiences import DOCUMENTS
from resources.documents.views import DocumentViewSet
from resources.models import Document
from tests.permissions.answers import LIST, NOT_FOUND
from tests.permissions.shares import grants_url, put
from tests.world import World

READERS = ("owner", "editor", "viewer", "admin")
VISIBLE = replace(DOCUMENTS, visible_by={"due_on": None, "status": "published"})
HIDING: dict[str, dict[str, Any]] = {
    "as a value is set": {"due_on": date(2030, 1, 1)},
    "as a value is another": {"status": "draft"},
    "as both are": {"due_on": date(2030, 1, 1), "status": "archived"},
}


@pytest.fixture
def shown(
    world: World, declare: Callable[[Resource], Resource], monkeypatch: pytest.MonkeyPatch
) -> World:
    """Documents are visible while they are published and not due."""
    declare(VISIBLE)
    monkeypatch.setattr(DocumentViewSet, "resource", VISIBLE)
    world.write(status="published")
    return world


def hide(world: World, **fields: Any) -> None:
    Document.objects.filter(tenant=world.tenants["acme"], pk=world.document.pk).update(**fields)


def audiences(world: World) -> list[str | None]:
    pairs = [(world.user(name).pk, world.document.pk) for name in READERS]
    decided = decision.audiences(VISIBLE, world.tenants["acme"].pk, pairs)
    return [audience.name if audience else None for audience in decided.values()]


@pytest.mark.parametrize("fields", HIDING.values(), ids=HIDING)
def test_hidden_row_is_nobodys_until_it_is_visible_again(
    shown: World, fields: dict[str, Any]
) -> None:
    before = audiences(shown)
    assert before == ["owner", "editor", "viewer", "auditor"]
    hide(shown, **fields)
    assert audiences(shown) == [None] * 4
    pairs = [(shown.user(name).pk, shown.key) for name in READERS]
    assert set(read(shown.tenants["acme"].pk, pairs).seen.values()) == {None}
    assert not shown.user("owner").has_perm("resources.own_document", shown.document)
    hide(shown, due_on=None, status="published")
    assert audiences(shown) == before


def test_hidden_row_is_absent_over_rest(shown: World) -> None:
    hide(shown, status="draft")
    for name in READERS:
        client = shown.rest(name)
        answers = [
            client.get(shown.url),
            client.patch(shown.url, {"title": "New"}, format="json"),
            client.delete(shown.url),
            client.get(grants_url(shown)),
            put(client, shown, "member", "viewer"),
        ]
        assert [(a.status_code, a.json()) for a in answers] == [(404, NOT_FOUND)] * 5
        assert client.get(LIST).json()["results"] == []
    hide(shown, status="published")
    assert len(shown.rest("viewer").get(LIST).json()["results"]) == 1


def test_writer_who_hides_a_row_is_answered_and_sees_it_no_more(shown: World) -> None:
    client = shown.rest("owner")
    answer = client.patch(shown.url, {"status": "draft"}, format="json")
    assert (answer.status_code, answer.json()["status"]) == (200, "draft")
    assert client.get(shown.url).status_code == 404
