"""The channel layer's messages between processes, and frames as such messages."""

from __future__ import annotations

from types import NoneType
from typing import Final, Literal, NotRequired, Protocol, TypedDict

from permissions.representation import ObjectKey, Representation
from realtime.publishing.framing import shared
from realtime.state.frames import Frame
from tenants.keys import read, spelled

UNAVAILABLE: Final = "unavailable:"
"""Put before the schema of a frame without a body: a release that knows no such frame takes it for
another release's, and reads."""


class FrameMessage(TypedDict):
    """What an audience sees of an object now."""

    type: Literal["hub.frame"]
    tenant: int
    model: str
    pk: int | str
    audience: str
    version: int
    revision: int
    etag: str
    schema: str
    changed: list[str]
    body: bytes | None
    committed: NotRequired[float | None]


class NoticeMessage(TypedDict):
    """A tenant's access revision rose to this."""

    type: Literal["hub.notice"]
    tenant: int
    revision: int


class MoveMessage(TypedDict):
    """An object of a model was created or changed: for windows."""

    type: Literal["hub.move"]
    tenant: int
    model: str
    pk: int | str
    revision: int
    fields: list[str] | None
    created: bool
    frames: list[FrameMessage]


class ProbeMessage(TypedDict):
    """A process asks whether its own messages come."""

    type: Literal["hub.probe"]
    number: int


class CommandMessage(TypedDict):
    """Frames of a client, from the process that got them to the one that has its connection."""

    type: Literal["hub.command"]
    connection: str
    frames: list[bytes]


Announcement = FrameMessage | MoveMessage | NoticeMessage
Message = Announcement | CommandMessage | ProbeMessage


class Groups(Protocol):
    """How a channel layer lets a channel join groups."""

    async def group_add(self, group: str, channel: str) -> None:
        """Have the channel receive what is sent to the group."""

    async def group_discard(self, group: str, channel: str) -> None:
        """Undo `group_add`."""


class Layer(Groups, Protocol):
    """What is needed of a channel layer."""

    async def new_channel(self) -> str:
        """Return the name of a new channel of this process."""

    async def send(self, channel: str, message: Message) -> None:
        """Send to one channel."""

    async def receive(self, channel: str) -> Message:
        """Return the channel's next message."""

    async def group_send(self, group: str, message: Message) -> None:
        """Send to every channel of the group."""


def to_layer(frame: Frame) -> FrameMessage:
    """Return the frame as a channel layer message."""
    s = frame.seen
    return {
        "type": "hub.frame",
        "tenant": s.tenant_id,
        "model": s.key.model,
        "pk": spelled(s.key.pk),
        "audience": s.audience,
        "version": s.version,
        "revision": s.revision,
        "etag": s.etag,
        "schema": s.schema if frame.available else UNAVAILABLE + s.schema,
        "changed": list(frame.changed),
        "body": s.body,
    }


def from_layer(message: FrameMessage) -> Frame:
    """Return the frame in a channel layer message."""
    seen = Representation(
        tenant_id=message["tenant"],
        key=ObjectKey(message["model"], read(message["pk"])),
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


def _body(message: FrameMessage) -> bytes | None:
    """Return a message's body, which must be bytes unless its schema says that there is none."""
    body = message["body"]
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
