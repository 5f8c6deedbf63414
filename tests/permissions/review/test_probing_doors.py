"""The probe looks through every door: REST alone and in a list, the socket, and live lists."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.response import Response

from permissions.listing import list_within
from permissions.rest_lists import answered
from permissions.review import probing
from permissions.review.findings import Findings
from permissions.review.scene import Scene
from permissions.snapshot import rehearsal
from realtime.hub import reading
from realtime.state import messages
from resources.audiences import DOCUMENTS
from resources.documents.views import DocumentViewSet
from resources.models import Document

pytestmark = pytest.mark.django_db
NOTES = "resources.document.review_notes"


def found(*names: str) -> list[str]:
    """What the doors of these audiences show that they should not."""
    findings = Findings()
    with rehearsal():
        scene = Scene(findings)
        obj = scene.object(DOCUMENTS)
        for row in scene.around(DOCUMENTS, obj):
            scene.fill(row)
        for name in names:
            probing._check_doors(DOCUMENTS, DOCUMENTS.declared(name), scene, obj, findings)
    return [str(fault) for fault in findings.faults]


def test_every_door_shows_what_is_read() -> None:
    assert found("owner", "viewer") == []


def test_canary_in_the_rows_of_a_window_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = messages.entered

    def more(*args: Any) -> str:
        notes = Document.unscoped.order_by("-pk").values_list("review_notes", flat=True)[0]
        return f'{inner(*args)[:-1]},"note":"{notes}"}}'

    monkeypatch.setattr(messages, "entered", more)
    held, trace = found("viewer")
    assert held == f"resources.document: viewer: a window holds the canary of {NOTES}"
    assert (
        trace == f"resources.document: viewer: a window differs with {NOTES}, which nobody declared"
    )


def test_window_with_another_payload_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = messages.entered
    monkeypatch.setattr(
        messages, "entered", lambda *args: inner(*args).replace('"title"', '"name"')
    )
    assert found("viewer") == [
        "resources.document: viewer: a window shows something else than is read"
    ]


def test_window_that_leaves_out_what_its_reader_sees_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        reading, "list_within", lambda *args: [keys[:0] for keys in list_within(*args)]
    )
    assert found("auditor") == [
        "resources.document: auditor: a window shows something else than is read"
    ]


def test_list_that_is_serialized_otherwise_than_its_objects_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As by a view with a serializer of its own for lists."""

    def listed(self: Any, request: Any) -> Response:
        widest = DOCUMENTS.audiences[0].serializer
        rows = Document.objects.filter(tenant=self.request.tenant)
        return Response(widest(rows, many=True, context={}).data)

    monkeypatch.setattr(DocumentViewSet, "list", listed)
    faults = found("viewer")
    assert f"resources.document: viewer: REST list holds the canary of {NOTES}" in faults
    assert "resources.document: viewer: REST list shows something else than is read" in faults


def test_trace_of_a_hidden_column_in_a_list_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number shows no canary: it is found by what moves it."""

    def sized(resource: Any, page: Any) -> dict[str, Any]:
        budgets = Document.unscoped.order_by("-pk").values_list("budget", flat=True)[0]
        return {**answered(resource, page), "total": str(hash(budgets))}

    monkeypatch.setattr("permissions.rest.answered", sized)
    trace = "REST list differs with resources.document.budget, which nobody declared"
    assert found("owner", "viewer") == [f"resources.document: viewer: {trace}"]
