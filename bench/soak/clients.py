"""Clients of the socket, as docs/protocol.md tells them to be; they record whatever comes."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import defaultdict
from typing import Any, NoReturn

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from bench.soak.fleet import Fleet
from bench.soak.history import History, Receipt, Span
from bench.soak.lists import Target, lists
from bench.soak.narrow import narrow
from bench.soak.town import Person, Token, Town

CANARY = re.compile(r"canary-(\d+)\.|\b9(\d{9})\.00\b")
"""A canary in a text, or in an amount of money: looked for in the raw frame."""
PONG: Target = ("", "")
WAIT = {1001, 1012, 4429, 4503}
GROW = {1006, 1011, 4408, 4500}


def money(number: int) -> str:
    """The amount that is this canary."""
    return f"9{number:09d}.00"


class Client:
    """One socket of a person, opened again whenever it closes; `live` are its subscriptions, and
    `lists` its windows."""

    def __init__(
        self, number: int, town: Town, fleet: Fleet, person: Person, wanted: list[Target],
        token: Token,
    ) -> None:  # fmt: skip
        self.number = number
        self.person = person
        self.wanted = wanted
        self.token = token
        self.history: History = town.history
        self.copies: dict[Target, tuple[Any, str]] = {}
        self.live: dict[Target, Span] = {}
        self.lists = lists(number)
        self.pending: defaultdict[Target, int] = defaultdict(int)
        self.moved_at: dict[Target, float] = {}
        self.reading = asyncio.Event()
        self.reading.set()
        self.welcome: dict[str, Any] | None = None
        self.slow = False
        self._connection: ClientConnection | None = None
        self._town = town
        self._fleet = fleet
        self._failures = 0
        self._retry = {"min": 1.0, "max": 3.0}

    async def run(self) -> None:
        """Stay connected for ever, unless a close code forbids it."""
        while True:
            try:
                code = await self._once()
            except (KeyError, ValueError) as error:
                self.history.disobeyed.append(f"socket {self.number}: {error!r}")
                code = 1006
            self._cut()
            self.history.count(f"{'slow ' if self.slow else ''}sockets closed with {code}")
            if code == 4401:
                await self._renew()
            elif code == 4403:
                await self._invited()
            elif code not in WAIT | GROW:
                return
            await asyncio.sleep(self._delay(code))

    async def _once(self) -> int:
        process = self._fleet.pick()
        if process is None:
            return 1006
        options: dict[str, Any] = {}
        if self.slow:
            options = {"sock": narrow(process.port), "max_queue": 1}
        try:
            async with connect(
                f"{process.url}?tenant={self.person.tenant.slug}",
                additional_headers={"Authorization": f"Token {self.token.text}"},
                ping_interval=None, compression=None, max_size=None, proxy=None, close_timeout=1,
                **options,
            ) as connection:  # fmt: skip
                return await self._serve(connection)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
        except (OSError, InvalidHandshake, InvalidMessage, TimeoutError):
            return 1006

    async def _serve(self, connection: ClientConnection) -> NoReturn:
        """Take what comes until the connection is closed, which raises."""
        self._connection = connection
        asking = asyncio.create_task(self._ask_again())
        try:
            while True:
                await self.reading.wait()
                if self._take(await connection.recv(decode=True)) == "WELCOME":
                    for target in self.wanted:
                        await self.subscribe(target)
                    for one in self.lists.values():
                        await self._say(one.opening(self.copies), one.target)
        finally:
            asking.cancel()

    async def _ask_again(self) -> None:
        """From time to time, subscribe to something that was not to be seen."""
        while True:
            await asyncio.sleep(random.uniform(1, 5))
            missing = self.missing()
            if self.welcome and missing and self.reading.is_set():
                await self.subscribe(random.choice(missing))

    def missing(self) -> list[Target]:
        """What is wanted, and neither held live nor asked for."""
        return [t for t in self.wanted if t not in self.live and not self.pending[t]]

    async def subscribe(self, target: Target) -> None:
        """Ask for a live copy, with the etag of the one that is held."""
        frame: dict[str, Any] = {"model": target[0], "id": target[1]}
        if target in self.copies:
            frame["etag"] = self.copies[target][1]
        await self._say(frame, target)

    async def _say(self, frame: dict[str, Any], target: Target) -> None:
        assert self._connection is not None
        self.pending[target] += 1
        try:
            await self._connection.send(orjson.dumps(frame).decode())
        except ConnectionClosed:
            return  # the reader finds it too

    async def ping(self) -> None:
        """Ask for an answer, which comes after all that was handed to the server before."""
        await self._say({"action": "ping"}, PONG)

    @property
    def settled(self) -> bool:
        """Whether it is connected and all that it asked for is answered."""
        return self.welcome is not None and not any(self.pending.values())

    # What comes.

    def _take(self, text: str) -> str:
        """Record a frame and obey it; its type."""
        now = time.monotonic()
        frame = orjson.loads(text)
        target = frame.get("model", ""), frame.get("id", "")
        canaries = tuple(int(a or b) for a, b in CANARY.findall(text))
        self.history.count("frames")
        self.history.count("bytes", len(text))
        if canaries:
            self.history.receipts.append(
                Receipt(now, self.person.name, self.token.name, self.number, target[1], canaries,
                        len(text), frame["type"].startswith("UPDATE_"))
            )  # fmt: skip
        self._apply(frame, target, now)
        kind: str = frame["type"]
        return kind

    def _apply(self, frame: dict[str, Any], target: Target, now: float) -> None:
        kind = frame["type"]
        if kind == "WELCOME":
            self._welcomed(frame)
            return
        if "window" in frame:
            self._apply_to_list(frame, target, now)
            return
        if kind in ("SUBSCRIBED", "ERROR", "PONG"):
            self.pending[target] = max(0, self.pending[target] - 1)
        if kind == "PONG":
            return
        if frame.get("code") == "unavailable":  # the copy stays, and is renewed by itself
            self.history.count("told that an object is unavailable")
            return
        if kind == "ERROR" or kind.startswith("DELETE_"):
            self._gone(frame, target, now)
        else:
            self._replace(frame, target, now)

    def _apply_to_list(self, frame: dict[str, Any], target: Target, now: float) -> None:
        """A row enters with its payload, unless the client has that; or it leaves."""
        one, kind = self.lists[frame["window"]], frame["type"]
        if kind == "ERROR":
            self.history.count(f"windows refused with {frame['code']}")
            return
        one.apply(frame)
        if kind == "SUBSCRIBED":
            self.pending[one.target] = 0
        elif kind == "ENTERED":
            self._copy(frame, target, now)
        elif kind == "LEFT":
            self.history.count("rows that left windows")
            self.moved_at[target] = now
            held = any(target[1] in other.rows for other in self.lists.values())
            if target not in self.live and not held:
                self.copies.pop(target, None)

    def _copy(self, frame: dict[str, Any], target: Target, now: float) -> None:
        """Without a payload the copy that is held is still right."""
        if "payload" in frame:
            self.moved_at[target] = now
        payload = frame["payload"] if "payload" in frame else self.copies[target][0]
        self.copies[target] = payload, frame["etag"]

    def _gone(self, frame: dict[str, Any], target: Target, now: float) -> None:
        if self.copies.pop(target, None) is not None:
            self.moved_at[target] = now
        self._end(target, now)
        if frame.get("code", "not_found") != "not_found":
            self.history.count(f"refused with {frame['code']}")

    def _replace(self, frame: dict[str, Any], target: Target, now: float) -> None:
        """A new state of what is held by its id, by windows, or both."""
        self._copy(frame, target, now)
        live = target in self.live
        if frame["type"] == "AUDIENCE_CHANGED":
            self._end(target, now)
        if target not in self.live and (live or frame["type"] == "SUBSCRIBED"):
            span = Span(self.person.name, target[1], frame["audience"], now)
            self.live[target] = span
            self.history.spans.append(span)

    def _welcomed(self, frame: dict[str, Any]) -> None:
        self.welcome = frame
        self._failures = 0
        self._retry = frame["retry"]

    def _end(self, target: Target, now: float) -> None:
        span = self.live.pop(target, None)
        if span is not None:
            span.ended, span.told = now, True

    def _cut(self) -> None:
        """The socket is gone, and with it what was live; the copies stay, with their etags."""
        now = time.monotonic()
        for span in self.live.values():
            span.ended = now
        self.live.clear()
        for one in self.lists.values():
            one.rows.clear()
            one.more = False
        self.pending.clear()
        self.welcome = None

    # What to do after a close.

    async def _renew(self) -> None:
        while True:
            try:
                self.token = await asyncio.to_thread(self._town.renewed, self.person)
                return
            except Exception:  # the database is away
                await asyncio.sleep(0.5)

    async def _invited(self) -> None:
        while self.history.facts["member", self.person.name].last is None:
            await asyncio.sleep(0.2)

    def _delay(self, code: int) -> float:
        """Jittered, and growing while it fails."""
        low, high = self._retry["min"], self._retry["max"]
        if code in WAIT:
            return random.uniform(low, high)
        self._failures += 1
        return random.uniform(0, min(high, low * 2 ** (self._failures - 1)))
