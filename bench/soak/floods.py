"""Floods: what one tenant's people do to the servers on purpose, for `hold` seconds."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from bench.soak.fleet import Fleet
from bench.soak.history import Failure, History
from bench.soak.narrow import narrow
from bench.soak.rest import NobodyUp, Rest
from bench.soak.town import ATTACKER_PASSWORD, Person

AT_ONCE = 40
SOCKETS = 12
ANSWERS = (400, 401, 403, 429)
REST_SECONDS = 0.05

# RFC 6455, section 5.2, with a mask of zeros, which leaves the payload as it is.
BEGIN = b"\x01\xfe\x3a\x98\x00\x00\x00\x00" + b"x" * 15_000
CONTINUE = b"\x00" + BEGIN[1:]
_deflate = zlib.compressobj(wbits=-15)
_BOMB = (_deflate.compress(b" " * 15_000_000) + _deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
BOMB = b"\xc1\xfe" + len(_BOMB).to_bytes(2) + bytes(4) + _BOMB


class Attacker:
    """One person of the first tenant, who means it."""

    def __init__(self, person: Person, fleet: Fleet, rest: Rest, history: History) -> None:
        self._person = person
        self._fleet = fleet
        self._rest = rest
        self._history = history

    async def passwords(self, seconds: float) -> None:
        """Change the password, with the right old one and a new one that is refused."""
        body = {"old": ATTACKER_PASSWORD, "new": "short"}
        await self._calls("/api/password/", body, seconds)

    async def logins(self, seconds: float) -> None:
        """Log in with wrong passwords."""
        body = {"username": self._person.name, "password": "wrong"}
        await self._calls("/api/login/", body, seconds)

    async def _calls(self, path: str, body: dict[str, str], seconds: float) -> None:
        until = time.monotonic() + seconds
        with ThreadPoolExecutor(AT_ONCE) as threads:
            loop = asyncio.get_running_loop()
            calls = (
                loop.run_in_executor(threads, self._call_until, path, body, until)
                for _ in range(AT_ONCE)
            )
            await asyncio.gather(*calls)

    def _call_until(self, path: str, body: dict[str, str], until: float) -> None:
        while (began := time.monotonic()) < until:
            try:
                status, _ = self._rest.call(self._person, "POST", path, body, expect=ANSWERS)
            except NobodyUp:
                return
            except Exception as error:
                what = f"flood of {path}: {error!r}"[:300]
                self._history.failures.append(Failure(began, time.monotonic(), what))
            else:
                self._history.count(f"answers {status} to a flood of {path}")
            time.sleep(REST_SECONDS)

    async def messages(self, seconds: float) -> None:
        """Send messages that never end, messages that inflate, and questions without listening."""
        kinds: tuple[Callable[[ClientConnection], Awaitable[None]], ...]
        kinds = (_never_ending, _inflating, self._asking)
        tasks = [self._socket(kinds[n % len(kinds)]) for n in range(SOCKETS)]
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*tasks)
        except TimeoutError:
            pass

    async def _socket(self, send: Callable[[ClientConnection], Awaitable[None]]) -> None:
        while True:
            process = self._fleet.pick()
            if process is None:
                return
            options: dict[str, Any] = {"sock": narrow(process.port), "max_queue": 1}
            try:
                async with connect(
                    f"{process.url}?tenant={self._person.tenant.slug}",
                    additional_headers={"Authorization": f"Token {self._person.rest}"},
                    ping_interval=None, max_size=None, proxy=None, close_timeout=1, **options,
                ) as connection:  # fmt: skip
                    await connection.recv()
                    await send(connection)
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 1006
                self._history.count(f"attacking sockets closed with {code}")
            except (OSError, InvalidHandshake, InvalidMessage, TimeoutError):
                self._history.count("attacking sockets closed with 1006")
            await asyncio.sleep(REST_SECONDS)

    async def _asking(self, connection: ClientConnection) -> None:
        frame = {"model": "resources.document", "id": "x" * 40, "etag": "e" * 15_000}
        while True:
            await connection.send(orjson.dumps(frame).decode())
            await asyncio.sleep(REST_SECONDS)


async def _never_ending(connection: ClientConnection) -> None:
    await _write(connection, BEGIN)
    while True:
        await _write(connection, CONTINUE)


async def _inflating(connection: ClientConnection) -> None:
    while True:
        await _write(connection, BOMB)


async def _write(connection: ClientConnection, data: bytes) -> None:
    """Past the library, which would not send this."""
    if connection.transport.is_closing():
        await connection.wait_closed()
        raise ConnectionResetError
    connection.transport.write(data)
    await asyncio.sleep(REST_SECONDS)
