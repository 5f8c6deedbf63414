"""The pages about errors and close codes, and what leads to them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse, JsonResponse
from django.test import Client

from project.contracts.errors import MEANINGS
from project.help import ADVICE, entries, link
from realtime.state.codes import Close, Error
from tests.documented import close_codes
from tests.world import World

DOCUMENT = (Path(__file__).parents[2] / "docs/protocol.md").read_text()
CODES = {*MEANINGS, *map(str, Error), *map(str, close_codes())}


def test_each_code_has_its_page_and_no_other() -> None:
    assert {entry.code for entry in entries()} == CODES
    assert {str(int(code)) for code in Close} < CODES
    assert {entry.code for entry in entries() if not entry.code.isdigit()} == set(ADVICE)
    every = Client().get("/api/docs/errors/").content.decode()
    for entry in entries():
        assert f'href="/api/docs/errors/{entry.code}/"' in every
    assert Client().get("/api/docs/errors/unheard_of/").status_code == 404


@pytest.mark.parametrize("code", ["not_found", "tenant_required", "4401", "1006", "rate_limited"])
def test_page_says_what_is_seen_why_and_what_to_do(code: str) -> None:
    answer = Client().get(f"/api/docs/errors/{code}/")
    assert answer.status_code == 200
    assert "script-src" not in answer["Content-Security-Policy"]
    [entry] = [entry for entry in entries() if entry.code == code]
    text = answer.content.decode().replace("&quot;", '"').replace("&#x27;", "'")
    for said in (entry.seen, entry.why, entry.do):
        assert said in text


def test_error_names_its_page(world: World) -> None:
    for path, code in (("/api/me/", "not_authenticated"), ("/api/nothing/", "not_found")):
        answer = Client().get(path)
        found = re.fullmatch(r'<(.*)>; rel="help"', answer["Link"])
        assert found is not None
        assert found[1] == f"/api/docs/errors/{code}/"
        assert answer.json().keys() == {"detail", "code"}
    assert "Link" not in world.rest("viewer").get("/api/me/")
    assert "Link" not in world.rest("owner").post("/api/documents/", {}, format="json")


@pytest.mark.parametrize(
    "response",
    [
        JsonResponse({"code": ["Invalid."]}, status=400),
        JsonResponse({"code": "of somebody else"}, status=400),
        JsonResponse([], status=400, safe=False),
        JsonResponse({"code": "error", "detail": "x" * 5000}, status=500),
        HttpResponse(b"", content_type="application/json", status=400),
        HttpResponse(b"No.", status=404),
    ],
)
def test_what_is_no_error_of_ours_leads_nowhere(response: Any) -> None:
    assert link(response) is None


def test_protocol_leads_to_the_pages() -> None:
    assert "/api/docs/errors/" in DOCUMENT
