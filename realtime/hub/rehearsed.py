"""What a socket is sent of an object, by its id and in a live list, for the review's probe.

It reads as a round does and places what was read, but for one object, without a hub and at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.utils import timezone

from permissions.audiences import Resource, registry
from permissions.listing import Ask
from permissions.representation import ObjectKey
from permissions.review.doors import Shown
from realtime.hub import reading
from realtime.publishing import framing
from realtime.state.frames import Frame
from realtime.state.mailbox import Mailbox
from realtime.state.sockets import Socket
from realtime.state.subscriptions import State, Subscription, Waiting
from realtime.state.windows import Window, WindowState
from tenants import opaque
from tenants.credentials import Client, Credential, Identity
from tenants.keys import Key

NAME: Final = "probe"
LIMIT: Final = 100


def sent(resource: Resource, tenant_id: int, reader: Any, pk: Key) -> Iterator[Shown]:
    """Yield what the reader's socket is sent of it: as it is, when it changes, in a list."""
    if registry.get(resource.label) is not resource:
        return  # sockets are sent what is registered
    key = ObjectKey(resource.label, pk)
    _, seen = reading.read_pairs(tenant_id, [(reader.pk, key)])
    frame = seen[reader.pk, key]
    assert frame is not None  # the reader is in one of its audiences
    s = _row(tenant_id, reader, resource, key)
    s.ask(Waiting(None, None))
    yield Shown("the socket", _put(s, frame))
    update = framing.make(resource, frame.seen, None)  # of whatever its version has changed
    yield Shown("an update", update.update_text(s.id).encode() if update.available else b"")
    [[listed], _, found] = reading.read_lists(tenant_id, [(key.model, Ask(reader.pk, LIMIT))])
    frame = found[reader.pk, key] if pk in listed[:LIMIT] else None
    yield Shown("a window", b"" if frame is None else _entered(tenant_id, reader, resource, frame))


def _entered(tenant_id: int, reader: Any, resource: Resource, frame: Frame) -> bytes:
    s = _row(tenant_id, reader, resource, frame.key)
    window = Window(s.socket, resource.label, NAME, limit=LIMIT, fields=resource.filters)
    window.state, s.single = WindowState.LIVE, False
    s.socket.windows[NAME] = window
    return _put(s, frame)


def _row(tenant_id: int, reader: Any, resource: Resource, key: ObjectKey) -> Subscription:
    """Return a subscription that was read, on a socket that nobody serves."""
    identity = Identity(reader.pk, tenant_id, "", "", Credential("probe", "", None))
    mailbox = Mailbox(lambda: None)
    client = Client("", "")
    socket = Socket(
        NAME, identity, client, timezone.now(), mailbox, lambda: None, lambda: 0, lambda _: None
    )
    s = Subscription(socket, key, opaque.encode(resource.model, key.pk))
    s.state = State.LIVE
    socket.subscriptions[key] = s
    return s


def _put(s: Subscription, frame: Frame) -> bytes:
    """Return all that the socket is sent when this is the row's newest state."""
    s.audience, s.version = frame.seen.audience, frame.version
    s.put(frame)
    texts: list[str] = []
    while len(s.socket.mailbox):
        texts += s.socket.mailbox.take()
    return "\n".join(texts).encode()
