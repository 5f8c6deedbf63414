"""Many sockets that only take: a process of its own, so that the client is no bottleneck.

`python -m bench.client` reads one JSON line that says what to open (`Plan`), then a line for each
command, and answers each with a JSON line. It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

OPENING_SECONDS: Final = 240


@dataclass
class Plan:
    """`count` sockets of `url`, `at_once` of them at a time.

    `replies` are said in answer to the first frames, `$ID` in them being the socket's own of `ids`;
    the frame after the last reply makes it ready. `tokens` are taken in turn, as `ids` are. What is
    in `own` each socket says when all are told to. With `events`, `url` is a stream of server-sent
    events; its ready sign is its first event.
    """

    url: str
    count: int
    headers: dict[str, str] = field(default_factory=dict)
    replies: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    own: list[list[str]] = field(default_factory=list)
    at_once: int = 50
    events: bool = False
    echo: dict[str, str] = field(default_factory=dict)  # what is answered at any time: heartbeats


class Crowd:
    """All sockets of the plan, and what came to them since it was last asked."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.transports: dict[int, WSTransport] = {}
        self.frames = 0
        self.bytes = 0
        self.wanted = 0
        self.last = 0.0
        self.enough = asyncio.Event()

    def heard(self, frames: int = 1, size: int = 0) -> None:
        """Count frames, of this size, that came to sockets which are ready."""
        self.frames += frames
        self.bytes += size
        if self.frames >= self.wanted:
            self.last = time.perf_counter()
            self.enough.set()

    async def open(self) -> float:
        """Open all sockets; the seconds until the last one was ready."""
        began = time.perf_counter()
        gate = asyncio.Semaphore(self.plan.at_once)
        async with asyncio.timeout(OPENING_SECONDS), asyncio.TaskGroup() as group:
            for number in range(self.plan.count):
                await gate.acquire()
                task = group.create_task(self._open(number))
                task.add_done_callback(lambda _: gate.release())
        return time.perf_counter() - began

    async def _open(self, number: int) -> None:
        if self.plan.events:
            await Stream(self).open()
            return
        own = self.plan.ids[number % len(self.plan.ids)] if self.plan.ids else ""
        headers = dict(self.plan.headers)
        if self.plan.tokens:
            token = self.plan.tokens[number % len(self.plan.tokens)]
            headers["Authorization"] = f"Token {token}"
        ready = asyncio.get_running_loop().create_future()
        transport, _ = await ws_connect(
            lambda: Taker(self, own, ready),
            self.plan.url,
            extra_headers=headers,
            enable_auto_pong=True,
        )
        self.transports[number] = transport
        await ready

    def tell(self) -> float:
        """Have each socket say its own texts; when the first one did."""
        began = time.perf_counter()
        for number, texts in enumerate(self.plan.own):
            for text in texts:
                self.transports[number].send(WSMsgType.TEXT, text.encode())
        return began

    async def wait(self, frames: int, seconds: float) -> dict[str, Any]:
        """Wait until so many frames came, counted from the last wait; when the last one did, and
        their bytes."""
        self.wanted = frames
        if self.frames < frames:
            self.enough.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self.enough.wait()
            except TimeoutError:
                return {"error": f"{self.frames} of {frames} frames came in {seconds:g} s"}
        self.frames -= frames
        size, self.bytes = self.bytes, 0
        return {"at": self.last, "bytes": size}


class Taker(WSListener):
    """One WebSocket."""

    def __init__(self, crowd: Crowd, own: str, ready: asyncio.Future[None]) -> None:
        self._crowd, self._own, self._ready = crowd, own, ready
        self._replies = iter(crowd.plan.replies)
        self._echo = {key.encode(): value for key, value in crowd.plan.echo.items()}

    def _say(self, transport: WSTransport, text: str) -> None:
        transport.send(WSMsgType.TEXT, text.replace("$ID", self._own).encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            return
        if self._echo and (answer := self._echo.get(frame.get_payload_as_bytes())):
            self._say(transport, answer)
        elif self._ready.done():
            self._crowd.heard(1, frame.payload_size)
        elif (reply := next(self._replies, None)) is not None:
            self._say(transport, reply)
        else:
            self._ready.set_result(None)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if not self._ready.done():
            self._ready.set_exception(ConnectionError("closed before it was ready"))


class Stream(asyncio.Protocol):
    """One stream of server-sent events."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._ready = asyncio.get_running_loop().create_future()
        self._tail = b""

    async def open(self) -> None:
        where, _, path = self._crowd.plan.url.removeprefix("http://").partition("/")
        host, _, port = where.partition(":")
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_connection(lambda: self, host, int(port))
        self._transport.write(f"GET /{path} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
        await self._ready

    def data_received(self, data: bytes) -> None:
        data = self._tail + data
        self._tail = data[-13:]  # one byte less than what is looked for
        if self._ready.done():
            if found := data.count(b"event: message"):
                self._crowd.heard(found)
        elif b"event: stream-open" in data:
            self._ready.set_result(None)


async def obey(crowd: Crowd, command: dict[str, Any]) -> dict[str, Any]:
    """A command: `open`, `tell` all, `wait` for frames, or `say` a text on the first socket."""
    match command["do"]:
        case "open":
            return {"seconds": await crowd.open()}
        case "tell":
            return {"at": crowd.tell()}
        case "wait":
            return await crowd.wait(command["frames"], command["seconds"])
        case "say":
            crowd.transports[0].send(WSMsgType.TEXT, command["text"].encode())
            return {}
        case other:
            return {"error": f"{other} is no command"}


async def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    read = asyncio.get_running_loop().run_in_executor
    crowd = Crowd(Plan(**json.loads(sys.stdin.readline())))
    if hard < crowd.plan.count + 100:
        print(json.dumps({"error": f"{hard} open files are allowed, too few"}), flush=True)
        return
    while line := await read(None, sys.stdin.readline):
        try:
            answer = await obey(crowd, json.loads(line))
        except (OSError, TimeoutError, ExceptionGroup) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
