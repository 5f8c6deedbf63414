"""One connection that comes back by itself, as the close codes ask for. Seconds everywhere."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn, Protocol
from urllib.parse import urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from .closes import Ended, Next, Past, after_close
from .renewing import renew_before, ticket_of
from .stream import Stream, open_stream

Frame = dict[str, Any]
Credentials = str | None | Callable[[bool], "Awaitable[str | None] | str | None"]
"""A token, or what is asked for one before each connection. It is told whether that must be a fresh
one (`renew`): when nine tenths of the last one's time are over, and once it was refused."""

PATIENCE: Final = 15.0
"""For credentials and a connection, until the first frame."""
LOGIN_PATIENCE: Final = 600.0
"""For fresh credentials: somebody may have to type a password."""
STABLE: Final = 10.0
"""A connection that lived so long makes earlier failures forgotten."""
SPARED: Final = 0.8
"""The share of the server's limit of frames that is used: it may count a little differently."""
HTTP_CODES: Final = {401: 4401, 403: 4403, 429: 4429}


class CredentialRefused(Exception):
    """Raised by `credentials`: there is none. It is obeyed like a close with 4401 (for `status`
    401), 4403 (403) or 4429 (429, with `retry_after`)."""

    def __init__(self, status: int = 401, retry_after: float = 0) -> None:
        super().__init__(f"No credential: {status}.")
        self.status, self.retry_after = status, retry_after


@dataclass(frozen=True)
class Status:
    """The state of the connection, why the last one ended, and the seconds until the next.

    stopped: the server said not to come back by oneself; a new client may try again.
    """

    state: Literal["connecting", "open", "waiting", "stopped", "closed"]
    code: int | None = None
    delay: float | None = None


class Listener(Protocol):
    """Whom a connection tells."""

    def opened(self) -> None:
        """WELCOME has come."""

    def told(self, frame: Frame, direction: Literal["in", "out"]) -> None:
        """A frame has come, or was sent."""

    def ended(self, forget: bool) -> None:
        """The connection is over; `forget`: nothing may be held any longer."""

    def became(self, status: Status) -> None:
        """The status has changed."""


class Connection:
    """Connects again and again while `run` runs, until a close code forbids it.

    `options` are for `websockets`, such as `ssl` or `proxy`.
    """

    def __init__(
        self, url: str, tenant: str | None, credentials: Credentials, listener: Listener,
        options: dict[str, Any],
    ) -> None:  # fmt: skip
        self._url = with_tenant(url, tenant)
        self._credentials = credentials
        self._listener = listener
        self._options = options
        self._outbox: asyncio.Queue[Frame] = asyncio.Queue()
        self._past = Past()
        self._retry = (1.0, 10.0)
        self._renew = False
        self._streams = False

    def send(self, frame: Frame) -> None:
        """Send a frame as soon as the server's limit of frames allows."""
        self._outbox.put_nowait(frame)

    async def run(self) -> None:
        """Connect, and do after each close what its code asks, until one may not come back."""
        while True:
            self._listener.became(Status("connecting"))
            code, following = await self._once()
            self._past, self._renew = following.past, following.renew
            self._outbox = asyncio.Queue()
            self._listener.ended(following.forget)
            if following.delay is None:
                self._listener.became(Status("stopped", code))
                return
            self._listener.became(Status("waiting", code, following.delay))
            await asyncio.sleep(following.delay)

    async def _once(self) -> tuple[int, Next]:
        """One connection; its code, and what to do."""
        clock = asyncio.get_running_loop().time
        opened_at = clock()
        try:
            socket = await self._open()
            opened_at = clock()
            await self._use(socket)
        except Ended as ended:
            self._streams = self._streams and ended.code == 1006  # cut off: the same again
            past = Past() if clock() - opened_at > STABLE else self._past
            moment = random.random()  # noqa: S311 - it only spreads clients over time
            return ended.code, after_close(ended.code, past, self._retry, moment, ended.asked)

    async def _open(self) -> ClientConnection | Stream:
        """A connection with a fresh credential: a socket, or where none can be opened a stream."""
        try:
            token = await self._token(self._renew)
        except CredentialRefused as refused:
            raise Ended(HTTP_CODES.get(refused.status, 4500), refused.retry_after) from None
        except Exception as error:  # whatever asks for one may fail in its own ways
            self._streams = False
            raise Ended(1006) from error
        headers = {"Authorization": f"Token {token}"} if token else {}
        try:
            return await self._open_either(headers)
        except (OSError, TimeoutError):
            self._streams = False
            raise Ended(1006) from None

    async def _open_either(self, headers: dict[str, str]) -> ClientConnection | Stream:
        """A stream if one was the last that could be opened."""
        if not self._streams:
            try:
                async with asyncio.timeout(PATIENCE):
                    return await open_socket(
                        self._url, additional_headers=headers, open_timeout=None,
                        ping_interval=None, compression=None, max_size=None, close_timeout=1,
                        **self._options,
                    )  # fmt: skip
            except (OSError, TimeoutError, InvalidHandshake):
                pass
        async with asyncio.timeout(PATIENCE):
            stream = await open_stream(self._url, headers, self._options.get("ssl"))
        self._streams = True
        return stream

    async def _token(self, renew: bool) -> str | None:
        given = self._credentials
        async with asyncio.timeout(LOGIN_PATIENCE if renew else PATIENCE):
            found = given(renew) if callable(given) else given
            return await found if inspect.isawaitable(found) else found

    async def _fresh_ticket(self) -> str | None:
        token = await self._token(True)
        return token and await ticket_of(self._url, token, self._options.get("ssl"))

    def _renew_before(self, expires: str | None) -> asyncio.Task[None] | None:
        if expires is None or not callable(self._credentials):
            return None
        return asyncio.create_task(renew_before(expires, self._fresh_ticket, self.send))

    async def _use(self, socket: ClientConnection | Stream) -> NoReturn:
        """Take what comes until it ends, which raises `Ended`."""
        sender = renewal = None
        try:
            welcome = await receive(socket, PATIENCE)
            sender = asyncio.create_task(self._send_all(socket, **welcome["limits"]))
            renewal = self._renew_before(welcome.get("expires"))
            self._retry = welcome["retry"]["min"], welcome["retry"]["max"]
            self._listener.became(Status("open"))
            self._listener.told(welcome, "in")
            self._listener.opened()
            while True:
                frame = await self._next(socket, welcome["heartbeat"] / 2)
                if frame["type"] == "RENEWED":
                    cancel(renewal)
                    renewal = self._renew_before(frame["expires"])
                self._listener.told(frame, "in")
                if frame.get("code") == "rate_limited":  # what was refused it does not say
                    raise Ended(4429)
        except ConnectionClosed as closed:
            raise Ended(closed.rcvd.code if closed.rcvd else 1006) from None
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # no frame of ours
            raise Ended(4500) from error
        except TimeoutError:
            socket.transport.abort()  # nobody would answer a close frame
            raise Ended(1006) from None
        finally:
            cancel(sender, renewal)
            await socket.close()

    async def _next(self, socket: ClientConnection | Stream, half: float) -> Frame:
        """The next frame. After half a heartbeat of silence the server is asked for one, and has
        the other half for it."""
        try:
            return await receive(socket, half)
        except TimeoutError:
            self.send({"action": "ping"})
            return await receive(socket, half + 0.5)

    async def _send_all(
        self,
        socket: ClientConnection | Stream,
        frames_per_second: float,
        frames_burst: float,
        **_: float,
    ) -> None:
        clock = asyncio.get_running_loop().time
        outbox, burst, rate = self._outbox, frames_burst * SPARED, frames_per_second * SPARED
        tokens, at = burst, clock()
        with contextlib.suppress(ConnectionClosed):  # whoever receives finds it too
            while True:
                frame = await outbox.get()
                await asyncio.sleep((1 - tokens) / rate if tokens < 1 else 0)
                now = clock()
                tokens, at = min(burst, tokens + (now - at) * rate) - 1, now
                await socket.send(json.dumps(frame))
                self._listener.told(frame, "out")


def cancel(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel those that there are."""
    for task in tasks:
        if task is not None:
            task.cancel()


async def receive(socket: ClientConnection | Stream, seconds: float) -> Frame:
    """Return the next frame; raises TimeoutError if none comes in time."""
    async with asyncio.timeout(seconds):
        frame: Frame = json.loads(await socket.recv())
    return frame


def with_tenant(url: str, tenant: str | None) -> str:
    """Return the address of the socket, with the tenant in its query."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    query = "&".join(filter(None, (parts.query, urlencode({"tenant": tenant}) if tenant else "")))
    return urlunsplit((scheme, parts.netloc, parts.path, query, ""))
