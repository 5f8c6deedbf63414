"""A frame that was delivered, against what REST answers its reader. Decides without I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from permissions.representation import ObjectKey, Representation

KNOWN: Final = frozenset({"type", "model", "id", "audience", "etag", "changed", "payload", "ref"})
"""All that a frame with a state may have."""
ENTERING: Final = KNOWN | {"window", "before"}


@dataclass(frozen=True, slots=True)
class Sent:
    """A text that went to a socket: whose it is, what it subscribes to, and what the text shows."""

    connection: str
    tenant_id: int
    pair: tuple[int, ObjectKey]
    id: str
    seen: Representation
    text: str


def differences(sent: Sent, revision: int, now: Representation | None) -> tuple[str, ...] | None:
    """Name what of a frame differs from what its reader is shown `now`, at this access revision.

    None if that is not comparable: access or the object has changed since. At the same revision
    everybody is in the same audience as before, whatever happened to the object.
    """
    if (sent.seen.tenant_id, sent.seen.key) != (sent.tenant_id, sent.pair[1]):
        return ("the object",)
    audience = None if now is None else now.audience
    if audience != sent.seen.audience:
        return ("audience",) if revision == sent.seen.revision else None
    assert now is not None  # it has an audience
    made_alike = (now.version, now.schema) == (sent.seen.version, sent.seen.schema)
    if now.body is None or not made_alike:
        return None
    frame = orjson.loads(sent.text)
    return (*_of_frame(frame, sent, now), *_of_payload(frame, sent.text, now.body))


def _of_frame(frame: dict[str, Any], sent: Sent, now: Representation) -> Iterator[str]:
    wanted = {"model": now.key.model, "id": sent.id, "audience": now.audience, "etag": now.etag}
    yield from (name for name, value in wanted.items() if frame.get(name) != value)
    yield from sorted(frame.keys() - (ENTERING if frame["type"] == "ENTERED" else KNOWN))


def _of_payload(frame: dict[str, Any], text: str, body: bytes) -> Iterator[str]:
    """The payload's fields that differ; `payload` if only its bytes do."""
    right = orjson.loads(body)
    if not right.keys() >= {*frame.get("changed", ())}:
        yield "changed"
    if "payload" not in frame or f'"payload":{body.decode()}' in text:
        return
    shown = frame["payload"]
    fields = [n for n in {**right, **shown} if n not in right or n not in shown]
    fields += [n for n in right if n in shown and right[n] != shown[n]]
    yield from (f"payload.{name}" for name in fields)
    if not fields:
        yield "payload"


def shown_against(sent: Sent, forbidden: Collection[str]) -> tuple[str, ...]:
    """Name the fields of a frame that its audience must never be shown."""
    payload = orjson.loads(sent.text).get("payload", {})
    return tuple(f"never {name}" for name in payload if name in forbidden)
