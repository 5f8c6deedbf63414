"""Frames as messages of the channel layer, and back."""

from __future__ import annotations

from types import NoneType
from typing import Any, Final

from permissions.representation import ObjectKey, Representation
from realtime.publishing.framing import shared
from realtime.state.frames import Frame

UNAVAILABLE: Final = "unavailable:"
"""Put before the schema of a frame without a body: a release that knows no such frame takes it for
another release's, and reads."""


def to_layer(frame: Frame) -> dict[str, Any]:
    """Return the frame as a channel layer message."""
    s = frame.seen
    return {
        "type": "hub.frame",
        "tenant": s.tenant_id,
        "model": s.key.model,
        "pk": s.key.pk,
        "audience": s.audience,
        "version": s.version,
        "revision": s.revision,
        "etag": s.etag,
        "schema": s.schema if frame.available else UNAVAILABLE + s.schema,
        "changed": list(frame.changed),
        "body": s.body,
    }


def from_layer(message: dict[str, Any]) -> Frame:
    """Return the frame in a channel layer message."""
    seen = Representation(
        tenant_id=message["tenant"],
        key=ObjectKey(message["model"], message["pk"]),
        audience=message["audience"],
        version=message["version"],
        revision=message["revision"],
        etag=message["etag"],
        schema=message["schema"].removeprefix(UNAVAILABLE),
        body=_body(message),
    )
    frame = Frame(seen, tuple(message["changed"]), message.get("committed"))
    shared(frame)
    return frame  # of its own revision, by which the fence decides


def _body(message: dict[str, Any]) -> bytes | None:
    """Return a message's body, which must be bytes unless its schema says that there is none."""
    body: bytes | None = message["body"]
    if not isinstance(body, NoneType if message["schema"].startswith(UNAVAILABLE) else bytes):
        raise MalformedFrame(type(body))
    return body


class MalformedFrame(TypeError):
    """A channel layer message has an invalid body."""

    def __init__(self, found: type) -> None:
        self.found = found
        super().__init__(
            f"A frame's body has the unexpected type {found.__name__}: is the broker shared?"
        )
