"""A conversation: one client from its credentials to its close, whatever carries its frames."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

from django.db import DatabaseError
from django.utils import timezone

from realtime.failures import log_failure
from realtime.hub import obeying
from realtime.hub.hub import Hub
from realtime.hub.oracle import oracle
from realtime.hub.per_loop import hubs
from realtime.state import messages
from realtime.state.codes import Close, Error
from realtime.state.commands import (
    CloseWindow,
    InvalidFrame,
    Obeyed,
    OpenWindow,
    Ping,
    Renew,
    Subscribe,
    Unsubscribe,
)
from realtime.state.rate_limit import TokenBucket
from realtime.state.sockets import Socket
from realtime.transport import door
from realtime.transport.parsing import parse
from realtime.transport.sender import Sender
from realtime.transport.transport import Transport
from tenants import opaque
from tenants.connections import is_away
from tenants.credentials import Identity
from tenants.limits import limits
from tenants.metrics import count_refusal
from tenants.refused import Refused
from tenants.users import User

logger = logging.getLogger(__name__)
T = TypeVar("T")

WELCOME_LIMITS: Final = (
    "client_frame_bytes",
    "subscriptions_per_socket",
    "windows_per_socket",
    "rows_per_socket",
    "frames_per_second",
    "frames_burst",
    "invalid_frames",
    "stalled_seconds",
)


Secret = Callable[["Conversation"], str]


class Conversation:
    """Subscriptions to any object its user may see, by the protocol of docs/protocol.md.

    The client's frames are obeyed one at a time, in order; what is sent goes through the socket's
    mailbox, which its sender empties. The hub, not the conversation, is in channel layer groups.
    `secret` makes what its WELCOME says besides, where frames come by another way than this one.
    """

    hub: Hub | None = None
    socket: Socket | None = None

    def __init__(self, transport: Transport, secret: Secret | None = None) -> None:
        self.limits = limits()
        self.connection = secrets.token_urlsafe(12)
        self.transport = transport
        self.sender = Sender(self.connection, transport, self.limits["cut_seconds"], self._depart)
        self.mailbox = self.sender.mailbox
        self._secret = secret
        self.unusable = 0
        self.limited = 0
        self.expiry: asyncio.TimerHandle | None = None
        self.departure: asyncio.Task[None] | None = None

    # From its credentials to its end.

    async def open(self, scope: Any) -> None:
        """Identify the user; then send the welcome, or close."""
        found = await self._ask(door.identify, scope, hubs.process)
        if found is None:
            return
        if isinstance(found, Refused):
            self.mailbox.close(Close(found.close_code))
            return
        identity, client, elsewhere = found
        socket = Socket(
            self.connection,
            identity,
            client,
            timezone.now(),
            self.mailbox,
            self.sender.cut,
            self.sender.buffered,
            self._expire_at,
        )
        taken = await hubs.add(socket, elsewhere)
        if isinstance(taken, Close):
            self.mailbox.close(taken)
            return
        self.hub, self.socket, self.limits = taken, socket, identity.limits
        self.transport.admitted(self.limits)
        self.sender.serve(socket)
        oracle.watch(self.mailbox, limits())
        self.bucket = TokenBucket(
            self.limits["frames_per_second"],
            self.limits["frames_burst"],
            asyncio.get_running_loop().time(),
        )
        self.mailbox.answer(self._welcome(identity))
        self._expire_at(identity.credential.expires_at)

    async def take(self, text: str | None, size: int) -> None:
        """Handle one frame of the client, of so many bytes; None is a binary one."""
        if self.hub is None or self.socket is None or self.mailbox.closing is not None:
            return
        if size > self.limits["client_frame_bytes"]:
            self._count_refusal("client_frame_bytes")
            self.mailbox.close(Close.TOO_BIG)
        elif not self.bucket.allow(asyncio.get_running_loop().time()):
            self._count_refusal("frames_per_second")
            self.limited += 1
            self._refuse(messages.error(Error.RATE_LIMITED), self.limited, Close.TOO_MANY)
        else:
            self.limited = 0
            await self._receive(text)

    async def fail(self, error: Exception) -> None:
        """End it, and it alone, with 4500."""
        log_failure(logger, f"Socket {self.connection} failed", error, connection=self.connection)
        await self.sender.fail()

    async def leave(self) -> None:
        """Leave the hub: the client is gone, or was told to go."""
        if self.expiry is not None:
            self.expiry.cancel()
        self.sender.leave(self.limits["stalled_seconds"])
        await self._depart()

    # Frames.

    async def _receive(self, text: str | None) -> None:
        try:
            if text is None:
                raise InvalidFrame("Binary frames are not supported.")
            command = parse(text)
            if isinstance(command, Renew):
                await self._renew(command)
            else:
                self._obey(command)
        except InvalidFrame as invalid:
            self.unusable += 1
            frame = messages.error(
                Error.INVALID, invalid.ref, detail=invalid.detail, window=invalid.window
            )
            self._refuse(frame, self.unusable, Close.UNUSABLE)
            return
        self.unusable = 0
        if self.mailbox.closing is Close.TOO_SLOW:
            self._count_refusal("socket_bytes")

    def _count_refusal(self, limit: str) -> None:
        assert self.socket is not None  # only those who are in have a limit
        count_refusal(self.socket.tenant_id, limit)

    def _refuse(self, frame: str, in_a_row: int, code: Close) -> None:
        """Answer a frame that is not obeyed; several of a kind in a row end the socket."""
        self.mailbox.answer(frame)
        if in_a_row >= self.limits["invalid_frames"]:
            self.mailbox.close(code)

    def _obey(self, command: Obeyed) -> None:
        hub, socket = self.hub, self.socket
        assert hub is not None  # it is taken in before a frame is
        assert socket is not None
        match command:
            case Ping(ref):
                self.mailbox.answer(messages.pong(ref))
            case Unsubscribe():
                obeying.unsubscribe(hub, socket, command)
            case CloseWindow():
                obeying.close_window(hub, socket, command)
            case OpenWindow(model, window) if obeying.full_of_windows(socket, command):
                self._count_refusal("windows_per_socket")
                code = Error.TOO_MANY_SUBSCRIPTIONS
                answer = messages.error(code, command.ref, model=model, window=window)
                self.mailbox.answer(answer)
            case OpenWindow():
                obeying.open_window(hub, socket, command)
            case Subscribe(target, _, ref) if target.pk is None:
                answer = messages.error(Error.NOT_FOUND, ref, model=target.model, id=target.id)
                self.mailbox.answer(answer)
            case Subscribe(target, _, ref) if obeying.full(socket, command):
                self._count_refusal("subscriptions_per_socket")
                code = Error.TOO_MANY_SUBSCRIPTIONS
                self.mailbox.answer(messages.error(code, ref, model=target.model, id=target.id))
            case _:
                obeying.subscribe(hub, socket, command)

    async def _renew(self, command: Renew) -> None:
        hub, socket = self.hub, self.socket
        assert hub is not None
        assert socket is not None
        identity = await self._ask(door.renew_identity, socket.identity, command.ticket)
        if identity is None:
            return
        if isinstance(identity, Refused):
            raise InvalidFrame("ticket: not a valid ticket of yours for this tenant.", command.ref)
        socket.renew(identity)
        hub.ask_to_check(socket)  # it may have ended since, and nobody would say so again
        expires = identity.credential.expires_at
        self.mailbox.answer(messages.renewed(_iso(expires), command.ref))

    # Its parts.

    def _welcome(self, identity: Identity) -> str:
        return messages.welcome(
            tenant=identity.tenant_slug,
            user=opaque.encode(User, identity.user_id),
            connection=self.connection,
            expires=_iso(identity.credential.expires_at),
            heartbeat=self.limits["ping_seconds"],
            limits={name: self.limits[name] for name in WELCOME_LIMITS},
            retry={
                "min": self.limits["retry_min_seconds"],
                "max": self.limits["retry_max_seconds"],
            },
            secret=None if self._secret is None else self._secret(self),
        )

    def _expire_at(self, expires: datetime | None) -> None:
        """Close with 4401 when the credential ends, and not when another one would have."""
        if self.expiry is not None:
            self.expiry.cancel()
        if expires is not None:
            seconds = (expires - timezone.now()).total_seconds()
            loop = asyncio.get_running_loop()
            self.expiry = loop.call_later(seconds, self.mailbox.close, Close.CREDENTIALS)

    async def _ask(self, work: Callable[..., T], *args: Any) -> T | Refused | None:
        """Ask the one door; without a database the client is sent elsewhere."""
        found = await door.ask(work, *args)
        if not isinstance(found, DatabaseError):
            return found
        if not is_away(found):
            raise found
        log_failure(logger, "The database could not authenticate a socket", found)
        self.mailbox.close(Close.GOING_AWAY)
        return None

    def _depart(self) -> asyncio.Task[None]:
        """Leave the hub, once: a closed socket has no subscriptions, whether answered or not."""
        if self.departure is None:
            self.departure = asyncio.get_running_loop().create_task(self._leave_hub())
        return self.departure

    async def _leave_hub(self) -> None:
        hub, self.hub = self.hub, None
        if hub is not None and self.socket is not None:
            await hubs.remove(hub, self.socket)


def _iso(expires: datetime | None) -> str | None:
    return None if expires is None else expires.isoformat().replace("+00:00", "Z")
