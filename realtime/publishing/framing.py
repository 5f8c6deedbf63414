"""Framing: the frame of what was rendered, the same object for all in a process who get it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from weakref import WeakValueDictionary

from permissions.audiences import Resource, registry
from permissions.representation import Representation
from realtime.state.frames import Frame


def make(resource: Resource, seen: Representation, fields: Iterable[str] | None) -> Frame:
    """Return the frame of a representation whose version changed these model fields (None: any).

    Equal on every process: where a version changed nothing that this audience sees, as when two
    changes were conflated, it names every field.
    """
    audience = resource.audience(seen.audience)
    assert audience is not None  # it was rendered for it
    return Frame(seen, resource.changed(audience, fields) or audience.fields)


_alive: Final[WeakValueDictionary[tuple[Any, ...], Frame]] = WeakValueDictionary()


def shared(frame: Frame) -> Frame:
    """Return this process's frame with the same bytes, if somebody holds one; else this frame.

    So what a round reads for one socket is kept once for all; access revisions may differ.
    """
    s = frame.seen
    return _alive.setdefault(
        (s.tenant_id, s.key, s.audience, s.version, s.etag, s.schema, frame.changed), frame
    )


def is_ours(frame: Frame) -> bool:
    """Return whether a frame shows the fields that this process would show: else it comes from a
    process of another release."""
    seen = frame.seen
    found = registry.get(seen.key.model) if seen.key.model in registry else None
    audience = None if found is None else found.audience(seen.audience)
    return audience is not None and audience.schema == seen.schema
