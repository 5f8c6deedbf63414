"""Frames: what goes to one audience of one object, encoded once, the same for all who get it.

A frame without a body says that this version cannot be shown to the audience.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from types import NoneType
from typing import Any, Final
from weakref import WeakValueDictionary

from permissions.audiences import Resource, registry
from permissions.rendering import Ref, Representation
from realtime import messages
from realtime.subscriptions import Digest
from tenants import opaque

UNAVAILABLE: Final = "unavailable:"
"""Before the schema of a frame without a body: a release that knows no such frame takes it for one
of another release, and reads."""


@dataclass(frozen=True)
class Frame:
    """A representation and the payload fields that its version changed; immutable.

    `committed` is when the change did, if another process said so, by its clock.
    """

    seen: Representation
    changed: tuple[str, ...]
    committed: float | None = field(default=None, compare=False)

    @property
    def ref(self) -> Ref:
        """The object shown."""
        return self.seen.ref

    @property
    def version(self) -> int:
        """The object's version shown."""
        return self.seen.version

    @property
    def available(self) -> bool:
        """Whether there is a payload."""
        return self.seen.body is not None

    @property
    def size(self) -> int:
        """The payload's bytes."""
        return len(self.seen.body or b"")

    @cached_property
    def digest(self) -> Digest:
        """What those who have been sent the frame keep of it."""
        s = self.seen
        return Digest(s.version, s.audience, s.etag, self.size)

    @cached_property
    def id(self) -> str:
        """The object's id on the wire."""
        return opaque.encode(registry.get(self.ref.model).model, self.ref.pk)

    @cached_property
    def update_text(self) -> str:
        """The UPDATE frame's text: made once in each process, sent to many."""
        s = self.seen
        assert s.body is not None  # else there is nothing to update to
        return messages.updated(s.ref.model, self.id, s.audience, s.etag, self.changed, s.body)


def make(resource: Resource, seen: Representation, fields: Iterable[str] | None) -> Frame:
    """The frame of a representation whose version changed these model fields (None: any).

    Equal on every process: where a version changed nothing that this audience sees, as when two
    changes were conflated, it names every field.
    """
    audience = resource.audience(seen.audience)
    assert audience is not None  # it was rendered for it
    return Frame(seen, resource.changed(audience, fields) or audience.fields)


_alive: Final[WeakValueDictionary[tuple[Any, ...], Frame]] = WeakValueDictionary()


def shared(frame: Frame) -> Frame:
    """The frame of this process with the same bytes, if somebody holds one; else this one.

    What a round reads for one socket is thus kept once for all; access revisions may differ.
    """
    s = frame.seen
    return _alive.setdefault(
        (s.tenant_id, s.ref, s.audience, s.version, s.etag, s.schema, frame.changed), frame
    )


def to_layer(frame: Frame) -> dict[str, Any]:
    """The frame as a channel layer message."""
    s = frame.seen
    return {
        "type": "hub.frame",
        "tenant": s.tenant_id,
        "model": s.ref.model,
        "pk": s.ref.pk,
        "audience": s.audience,
        "version": s.version,
        "revision": s.revision,
        "etag": s.etag,
        "schema": s.schema if frame.available else UNAVAILABLE + s.schema,
        "changed": list(frame.changed),
        "body": s.body,
    }


def from_layer(message: dict[str, Any]) -> Frame:
    """The frame in a channel layer message."""
    seen = Representation(
        tenant_id=message["tenant"],
        ref=Ref(message["model"], message["pk"]),
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
    """The body in a message, which must be bytes unless its schema says that there is none."""
    body: bytes | None = message["body"]
    if not isinstance(body, NoneType if message["schema"].startswith(UNAVAILABLE) else bytes):
        raise MalformedFrame(type(body))
    return body


class MalformedFrame(TypeError):
    """A message of the channel layer has a body that is none."""

    def __init__(self, found: type) -> None:
        self.found = found
        super().__init__(f"A frame's body is of type {found.__name__}: who else writes there?")
