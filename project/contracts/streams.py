"""The addresses of streams, which no view answers: for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from project.contracts.errors import (
    BAD_REQUEST,
    BODY_TOO_LARGE,
    REQUEST_TIMEOUT,
    SERVER_ERROR,
    response,
)

SECURITY: Final = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "`Stream <secret>`: the `secret` of the stream's WELCOME.",
}
TEXT: Final = {"type": "string"}


def _parameter(name: str, place: str, about: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "description": about, "schema": TEXT} | more


def _refused(*codes: tuple[int, str]) -> dict[str, Any]:
    statuses = sorted({status for status, _ in codes})
    return {
        str(status): response(status, [code for own, code in codes if own == status])
        for status in statuses
    }


OPEN: Final[dict[str, Any]] = {
    "operationId": "stream_retrieve",
    "summary": "Open a stream",
    "description": "The frames of a WebSocket as server-sent events, for networks that let none"
    " pass. `/api/asyncapi.json` describes the frames; the last event, `close`, has the close"
    " code.",
    "tags": ["stream"],
    "security": [{"token": []}, {"cookieAuth": []}, {}],
    "parameters": [
        _parameter("ticket", "query", "From `POST /api/tickets/`, in the place of a credential."),
        _parameter("tenant", "query", "The tenant's slug, if you belong to several."),
        _parameter(
            "send", "query", "Frames to begin with.", schema={"type": "array", "items": TEXT}
        ),
    ],
    "responses": {
        "200": {"description": "The stream.", "content": {"text/event-stream": {"schema": TEXT}}},
        **_refused(
            BAD_REQUEST, (400, "tenant_required"), (401, "not_authenticated"),
            (403, "tenant_forbidden"), (429, "throttled"), SERVER_ERROR,
            (503, "service_unavailable"),
        ),
    },
}  # fmt: skip
SEND: Final[dict[str, Any]] = {
    "operationId": "stream_create",
    "summary": "Send frames for a stream",
    "description": "What comes of them comes in the stream, and what is too much ends it.",
    "tags": ["stream"],
    "security": [{"stream": []}],
    "parameters": [
        _parameter("connection", "path", "The `connection` of the stream's WELCOME.", required=True)
    ],
    "requestBody": {
        "description": "A frame; as `application/x-ndjson` a frame in each line.",
        "required": True,
        "content": {"application/json": {"schema": {}}, "application/x-ndjson": {"schema": TEXT}},
    },
    "responses": {
        "202": {"description": "They are passed on."},
        **_refused(
            BAD_REQUEST, (401, "not_authenticated"), (404, "not_found"), REQUEST_TIMEOUT,
            BODY_TOO_LARGE, (429, "throttled"), (503, "service_unavailable"),
        ),
    },
}  # fmt: skip
PATHS: Final[dict[str, Any]] = {
    "/api/stream/": {"get": OPEN},
    "/api/stream/{connection}/": {"post": SEND},
}
