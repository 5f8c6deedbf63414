"""The frames that a server sends, as text; the types map to Redux actions (`UPDATE_DOCUMENT`).

Each function returns the exact JSON of one frame. A frame that many receive is made once: its bytes
are equal for everybody but for `ref`, which only answers carry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from realtime.state.codes import Error

Reference = str | int
NO_REF: Final = None

DETAILS: Final[Mapping[Error, str]] = {
    Error.NOT_FOUND: "The object does not exist, or you may not see it.",
    Error.INVALID: "Invalid frame.",
    Error.TOO_MANY_SUBSCRIPTIONS: "Subscription limit reached; unsubscribe from something first.",
    Error.RATE_LIMITED: "Too many frames; slow down.",
    Error.UNAVAILABLE: "The object cannot be shown now; it will be sent as soon as it can be.",
}


def _text(frame: dict[str, Any], ref: Reference | None = NO_REF) -> str:
    if ref is not NO_REF:
        frame["ref"] = ref
    return orjson.dumps(frame).decode()


def _suffix(model: str) -> str:
    return model.rpartition(".")[2].upper()


def welcome(
    *,
    tenant: str,
    user: str,
    connection: str,
    expires: str | None,
    heartbeat: float,
    limits: Mapping[str, float],
    retry: Mapping[str, float],
    secret: str | None = None,
) -> str:
    """Return the first frame of a socket: its identity, when its credential ends, its limits."""
    return _text(
        {
            "type": "WELCOME",
            "protocol": 1,
            "tenant": tenant,
            "user": user,
            "connection": connection,
            "expires": expires,
            "heartbeat": heartbeat,
            "limits": limits,
            "retry": retry,
            **({} if secret is None else {"secret": secret}),
        }
    )


def renewed(expires: str | None, ref: Reference | None) -> str:
    """Return the answer to a socket that goes on by another credential: when that ends."""
    return _text({"type": "RENEWED", "expires": expires}, ref)


def subscribed(
    model: str, id: str, audience: str, etag: str, body: bytes | None, ref: Reference | None
) -> str:
    """Return the frame for a live subscription; without `body`, the client's payload is current."""
    frame: dict[str, Any] = {
        "type": "SUBSCRIBED",
        "model": model,
        "id": id,
        "audience": audience,
        "etag": etag,
    }
    if body is not None:
        frame["payload"] = orjson.Fragment(body)
    return _text(frame, ref)


def updated(
    model: str, id: str, audience: str, etag: str, changed: Sequence[str], body: bytes
) -> str:
    """Return the frame for a change; `changed` names fields of this payload only."""
    return _text(
        {
            "type": f"UPDATE_{_suffix(model)}",
            "model": model,
            "id": id,
            "audience": audience,
            "etag": etag,
            "changed": changed,
            "payload": orjson.Fragment(body),
        }
    )


def audience_changed(model: str, id: str, audience: str, etag: str, body: bytes) -> str:
    """Return the frame for a reader who moved to another audience: replace the whole object."""
    return _text(
        {
            "type": "AUDIENCE_CHANGED",
            "model": model,
            "id": id,
            "audience": audience,
            "etag": etag,
            "payload": orjson.Fragment(body),
        }
    )


def deleted(model: str, id: str) -> str:
    """Return the frame for an object gone from this reader's view, without saying why."""
    return _text({"type": f"DELETE_{_suffix(model)}", "model": model, "id": id})


def entered(model: str, id: str, audience: str, etag: str, body: bytes | None) -> str:
    """Return the beginning of the frame for an object that entered a window, equal for all.

    Without `body` the client has the payload; `in_window` adds the rest.
    """
    frame: dict[str, Any] = {
        "type": "ENTERED",
        "model": model,
        "id": id,
        "audience": audience,
        "etag": etag,
    }
    if body is not None:
        frame["payload"] = orjson.Fragment(body)
    return _text(frame)


def in_window(entered: str, window: str, before: str | None) -> str:
    """Return the frame for an object that entered this window, above the row with the id
    `before`."""
    return entered[:-1] + "," + _text({"window": window, "before": before})[1:]


def left(model: str, id: str, window: str) -> str:
    """Return the frame for an object that left a window, without saying why."""
    return _text({"type": "LEFT", "model": model, "id": id, "window": window})


def window_subscribed(
    model: str, window: str, more: bool, cursor: str | None, ref: Reference | None
) -> str:
    """Return the frame for a window whose first rows were sent."""
    return _text(
        {"type": "SUBSCRIBED", "model": model, "window": window, "more": more, "cursor": cursor},
        ref,
    )


def more(model: str, window: str, more: bool, cursor: str | None) -> str:
    """Return the frame that says whether a window's list goes on below its rows."""
    return _text({"type": "MORE", "model": model, "window": window, "more": more, "cursor": cursor})


def unsubscribed(model: str, id: str, ref: Reference | None) -> str:
    """Return the frame for a subscription that ended at its client's request."""
    return _text({"type": "UNSUBSCRIBED", "model": model, "id": id}, ref)


def window_unsubscribed(model: str, window: str, ref: Reference | None) -> str:
    """Return the frame for a window that ended at its client's request."""
    return _text({"type": "UNSUBSCRIBED", "model": model, "window": window}, ref)


def pong(ref: Reference | None) -> str:
    """Return the answer to a ping."""
    return _text({"type": "PONG"}, ref)


def error(
    code: Error,
    ref: Reference | None = NO_REF,
    *,
    detail: str | None = None,
    model: str | None = None,
    id: str | None = None,
    window: str | None = None,
) -> str:
    """Return the frame for a command that failed."""
    frame: dict[str, Any] = {"type": "ERROR", "code": code.value, "detail": detail or DETAILS[code]}
    if model is not None:
        frame["model"] = model
    if id is not None:
        frame["id"] = id
    if window is not None:
        frame["window"] = window
    return _text(frame, ref)
