"""Moves: what a model's group is told of one object, for the windows that hold it or may come to.

One message for each object: frames for the audiences that see a difference, which fields moved
since the last announced version, and whether the object was created.
"""

from __future__ import annotations

from dataclasses import dataclass

from permissions.representation import ObjectKey
from realtime.publishing import layer_messages
from realtime.publishing.layer_messages import MoveMessage
from realtime.state.frames import Frame
from tenants.keys import read, spelled


@dataclass(frozen=True, slots=True)
class Move:
    """What was announced of one object; `fields` are names of the model's fields, None for any.

    `revision` is the tenant's access revision of the snapshot that it was read in.
    """

    tenant_id: int
    key: ObjectKey
    revision: int
    fields: frozenset[str] | None
    created: bool
    frames: tuple[Frame, ...]


def to_layer(move: Move) -> MoveMessage:
    """Return the move as a channel layer message."""
    return {
        "type": "hub.move",
        "tenant": move.tenant_id,
        "model": move.key.model,
        "pk": spelled(move.key.pk),
        "revision": move.revision,
        "fields": None if move.fields is None else sorted(move.fields),
        "created": move.created,
        "frames": [layer_messages.to_layer(frame) for frame in move.frames],
    }


def from_layer(message: MoveMessage) -> Move:
    """Return the move in a channel layer message."""
    fields = message["fields"]
    return Move(
        tenant_id=message["tenant"],
        key=ObjectKey(message["model"], read(message["pk"])),
        revision=message["revision"],
        fields=None if fields is None else frozenset(fields),
        created=message["created"],
        frames=tuple(map(layer_messages.from_layer, message["frames"])),
    )
