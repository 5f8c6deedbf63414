"""The Python client where no WebSocket can be opened: by a stream, over raw HTTP of a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from realtime.client.closes import Ended
from realtime.client.stream import NoStream, Stream, close, open_stream
from tests.realtime.client.scripted import MODEL, state, welcome
from tests.realtime.client.test_connection import client

OPENED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
CHUNKED = OPENED[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
WELCOME = welcome() | {"connection": "c", "secret": "s"}
TAKEN = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


def event(frame: Any, kind: str = "") -> bytes:
    return f"{kind}data: {json.dumps(frame)}\n\n".encode()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def refusal(status: int, kind: str = "application/json", *more: str) -> bytes:
    lines = [f"HTTP/1.1 {status} No", f"Content-Type: {kind}", *more, "Content-Length: 0"]
    return "\r\n".join([*lines, "", ""]).encode()


class Script:
    """What is said to each request: to a handshake, a stream or frames; `asked` are all heads."""

    def __init__(self, stream: list[bytes], frames: bytes = TAKEN) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.taken = asyncio.Event()
        self.tasks: set[asyncio.Task[Any]] = set()
        self._stream, self._frames = stream, frames

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        if "Upgrade: websocket" in head:
            writer.write(REFUSED)
        elif head.startswith("GET"):
            for part in self._stream:
                if not part:
                    await self.taken.wait()
                writer.write(part)
        else:
            size = int(head.lower().split("content-length: ")[1].split()[0])
            if body := await reader.readexactly(size):
                self.bodies.append(json.loads(body))
            writer.write(self._frames)
            self.taken.set()
        await close(writer)


@asynccontextmanager
async def scripted(*stream: bytes, frames: bytes = TAKEN) -> AsyncIterator[Script]:
    script = Script([*stream], frames)
    server = await asyncio.start_server(script, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        script.url = f"ws://127.0.0.1:{port}/ws/"
        yield script
        script.taken.set()
        await asyncio.gather(*script.tasks, return_exceptions=True)


async def opened(script: Script) -> Stream:
    return await open_stream(script.url + "?tenant=acme", {"Authorization": "Token t"})


async def test_client_goes_on_by_a_stream_where_the_socket_is_refused() -> None:
    subscribed = state("SUBSCRIBED", "One", "e1") | {"ref": 1}
    parts = [CHUNKED, chunk(event(WELCOME)[:9]), chunk(event(WELCOME)[9:] + b": beat\n\n"), b""]
    last = event({"code": 1000, "reason": "ended"}, "event: close\n")
    async with scripted(*parts, chunk(event(subscribed) + last), b"0\r\n\r\n") as script:
        earshot, statuses = client(script.url, tenant="acme")
        async with earshot:
            copies = aiter(earshot.object(MODEL, "a"))
            while (copy := await anext(copies)).state == "pending":
                pass
            assert copy.payload == {"title": "One"}
            await statuses.until("stopped")
            await copies.aclose()  # type: ignore[attr-defined]
    handshake, stream, frames = script.asked
    assert "Upgrade: websocket" in handshake
    assert stream.startswith("GET /api/stream/?tenant=acme HTTP/1.1\r\n")
    assert "Authorization: Token t" in stream
    assert frames.startswith("POST /api/stream/c/ HTTP/1.1\r\n")
    assert "Authorization: Stream s" in frames
    assert [body["action"] for body in script.bodies] == ["subscribe"]


async def test_client_that_had_a_stream_asks_for_one_first_until_there_is_none() -> None:
    async with scripted(OPENED) as script:
        connection = client(script.url)[0]._connection
        for _ in range(2):
            await (await connection._open()).close()
        script._stream = [refusal(502, "text/html")]
        for _ in range(2):
            with pytest.raises(Ended):
                await connection._open()
    kinds = ["Upgrade" in head for head in script.asked]
    assert kinds == [True, False, False, False, True, False]


@pytest.mark.parametrize(("last", "tried"), [({"code": 4503}, True), (None, False)])
async def test_socket_is_tried_again_after_a_stream_that_a_code_ended(
    last: dict[str, int] | None, tried: bool
) -> None:
    """What is cut off is followed by a stream."""
    end = b"" if last is None else event(last, "event: close\n")
    async with scripted(OPENED, event(WELCOME), end) as script:
        script.taken.set()
        earshot, statuses = client(script.url)
        async with earshot:
            await statuses.until("waiting")
            await statuses.until("open")
    assert ["Upgrade" in head for head in script.asked[:3]] == [True, False, tried]


@pytest.mark.parametrize(
    ("answer", "code", "asked"),
    [
        (refusal(401), 4401, 0),
        (refusal(403), 4403, 0),
        (refusal(429, "application/json", "Retry-After: 15"), 4429, 15),
        (refusal(503, "application/json", "Retry-After: soon"), 4503, 0),
    ],
)
async def test_refusal_is_obeyed_like_the_code_of_a_socket(
    answer: bytes, code: int, asked: float
) -> None:
    async with scripted(answer) as script:
        with pytest.raises(Ended) as ended:
            await opened(script)
    assert (ended.value.code, ended.value.asked) == (code, asked)


@pytest.mark.parametrize(
    "answer",
    [refusal(401, "text/html"), refusal(418), refusal(200), b"nonsense\r\n\r\n", b"HTTP/1.1 2"],
)
async def test_what_a_proxy_answers_is_no_stream(answer: bytes) -> None:
    async with scripted(answer) as script:
        with pytest.raises(NoStream):
            await opened(script)


@pytest.mark.parametrize("rest", [b"", b"data: no JSON\n\n", b"data: half"])
async def test_stream_that_ends_without_a_code_is_a_failure(rest: bytes) -> None:
    async with scripted(OPENED, event(WELCOME), rest) as script:
        script.taken.set()
        stream = await opened(script)
        assert json.loads(await stream.recv())["type"] == "WELCOME"
        with pytest.raises(Ended) as ended:
            await stream.recv()
        await stream.close()
    assert ended.value.code == 1006


async def test_frames_that_are_taken_let_the_stream_go_on() -> None:
    pong = {"type": "PONG"}
    async with scripted(CHUNKED, chunk(event(WELCOME)), b"", chunk(event(pong))) as script:
        stream = await opened(script)
        await stream.recv()
        await stream.send('{"action":"ping"}')
        assert json.loads(await stream.recv()) == pong
        await stream.close()


@pytest.mark.parametrize(
    ("frames", "code", "asked"),
    [
        (refusal(401), 1006, 0),
        (refusal(404), 1006, 0),
        (refusal(413), 1006, 0),
        (refusal(429, "application/json", "Retry-After: 7"), 4429, 7),
        (refusal(503, "application/json", "Retry-After: 5"), 4503, 5),
        (b"nonsense\r\n\r\n", 1006, 0),
        (b"HTTP", 1006, 0),
    ],
)
async def test_frames_that_are_not_taken_end_the_stream(
    frames: bytes, code: int, asked: float
) -> None:
    async with scripted(CHUNKED, chunk(event(WELCOME)), frames=frames) as script:
        script._stream.append(b"")  # and then nothing, until the frames have come
        stream = await opened(script)
        await stream.recv()
        await stream.send('{"action":"ping"}')
        with pytest.raises(Ended) as ended:
            await stream.recv()
        await stream.close()
    assert (ended.value.code, ended.value.asked) == (code, asked)
