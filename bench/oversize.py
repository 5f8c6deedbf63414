"""Oversized clients: what a worker keeps for them, and what another tenant notices.

One uvicorn process, as documented. Each kind of client is there for some seconds, over raw
connections; the memory is the kernel's proportional set size of the worker, its peak meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from websockets.frames import Frame, Opcode

from bench import town  # sets Django up
from bench.figures import Row
from bench.memory import kilobytes
from bench.neighbour import latencies
from bench.processes import Clients, Server, clients, server, uvicorn
from bench.soak.verdict import percentile
from realtime.publishing.publisher import publisher
from tenants import opaque
from tests.world import World

DOCUMENTS: Final = 30
BODY: Final = 2_400_000  # as a script may write; a client writes 100,000 characters
SOCKETS: Final = 10
LINGER: Final = 12.0  # seconds that a flood lasts: longer than what ends unfinished messages
LOOK: Final = 0.2

HANDSHAKE = (
    "GET /ws/?tenant=acme HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Version: 13\r\nAuthorization: Token {token}\r\n{more}\r\n"
)
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
Raw = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def masked(text: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    """A client's frame."""
    return Frame(opcode, text, fin=fin).serialize(mask=True)


def bomb() -> bytes:
    """A compressed message of 15 KB that becomes 15 MB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    packed = packer.compress(b"x" * 15_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)
    frame = bytearray(masked(packed[:-4]))
    frame[0] |= 0b0100_0000
    return bytes(frame)


@asynccontextmanager
async def raw(under: Server, token: str, count: int, more: str = "") -> AsyncIterator[list[Raw]]:
    """So many connections, welcomed, whose frames nobody reads."""
    opened: list[Raw] = []
    try:
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", under.port)
            opened.append((reader, writer))
            writer.write(HANDSHAKE.format(token=token, more=more).encode())
            await reader.readuntil(b"\r\n\r\n")
        yield opened
    finally:
        for _, writer in opened:
            writer.transport.abort()


async def readers(under: Server, token: str, ids: list[str]) -> None:
    """Each subscribes to all documents, one a second, and takes what comes."""
    async with raw(under, token, SOCKETS) as sockets:
        taking = [asyncio.create_task(take(reader)) for reader, _ in sockets]
        for _, writer in sockets:
            writer.writelines(map(subscribe, ids))
            await asyncio.sleep(LINGER / SOCKETS)
        for task in taking:
            task.cancel()


async def slow_readers(under: Server, token: str, ids: list[str]) -> None:
    """Each subscribes to all documents, one a second, and takes nothing."""
    async with raw(under, token, SOCKETS) as sockets:
        for _, writer in sockets:
            writer.writelines(map(subscribe, ids))
            await asyncio.sleep(LINGER / SOCKETS)


async def repeaters(under: Server, token: str, ids: list[str]) -> None:
    """Each repeats a subscribe with an etag of 15.9 KB, as often as it may, and takes nothing."""
    again = masked(json.dumps({**named(ids[0]), "etag": "e" * 15_900}).encode())
    async with raw(under, token, SOCKETS) as sockets:
        for _, writer in sockets:
            writer.writelines([again] * 900)
        for _ in range(int(LINGER * 10)):
            for _, writer in sockets:
                writer.writelines([again] * 5)
            await asyncio.sleep(0.1)


async def unfinished(under: Server, token: str, ids: list[str]) -> None:
    """Each sends fragments of 15 MB, and never the last one."""
    part = masked(b"x" * 15_000, fin=False), masked(b"x" * 15_000, Opcode.CONT, fin=False)
    async with raw(under, token, 3 * SOCKETS) as sockets:
        for _, writer in sockets:
            writer.writelines([part[0], *[part[1]] * 1_000])
        await asyncio.sleep(LINGER)


async def bombs(under: Server, token: str, ids: list[str]) -> None:
    """Each sends a message of 15 KB that becomes 15 MB."""
    large = bomb()
    async with raw(under, token, 3 * SOCKETS, DEFLATE) as sockets:
        for _, writer in sockets:
            writer.write(large)
        await asyncio.sleep(LINGER)


Flood = Callable[[Server, str, list[str]], Awaitable[None]]

FLOODS: Final[dict[str, tuple[Flood, str, float]]] = {
    f"{SOCKETS} sockets with {DOCUMENTS} documents of 2.4 MB": (readers, "taken", 300),
    f"{SOCKETS} slow readers of {DOCUMENTS} documents of 2.4 MB": (slow_readers, "waiting", 300),
    f"{SOCKETS} slow readers that repeat a subscribe": (repeaters, "asked", 50),
    f"{3 * SOCKETS} unfinished messages of 15 MB": (unfinished, "unfinished", 50),
    f"{3 * SOCKETS} bombs of 15 KB": (bombs, "bombs", 50),
}
"""What is done, how its changes are named, and by how many MB the worker may grow meanwhile."""


def named(id: str) -> dict[str, str]:
    return {"model": "resources.document", "id": id}


def subscribe(id: str) -> bytes:
    return masked(json.dumps(named(id)).encode())


async def take(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(2**18):
            pass


async def grown(under: Server, flood: Awaitable[None]) -> tuple[float, float]:
    """By how many MB the worker grew at most while this went on, and by how many it stays so."""
    before = kilobytes(under)
    going, peak = asyncio.ensure_future(flood), before
    while not going.done():
        peak = max(peak, kilobytes(under))
        await asyncio.wait({going}, timeout=LOOK)
    await going
    await asyncio.sleep(3)
    return (peak - before) / 1024, (kilobytes(under) - before) / 1024


def large_documents(world: World) -> list[str]:
    """Documents of the owner's, by id."""
    made = [world.create(title=f"Large {n}", body="x" * BODY) for n in range(DOCUMENTS)]
    publisher.flush(60)
    return [opaque.encode(type(each), each.pk) for each in made]


async def beside(
    under: Server, reader: Clients, small: World, token: str, ids: list[str]
) -> list[Row]:
    """Each flood in turn, with the small tenant's changes meanwhile."""

    def write(title: str) -> None:
        small.write(title=title)

    await latencies(reader, write, "warm")
    quiet = await latencies(reader, write, "quiet")
    rows = []
    for what, (flood, name, most) in FLOODS.items():
        flooded: list[float] = []

        async def changes(name: str = name, found: list[float] = flooded) -> None:
            found += await latencies(reader, write, name)

        noticing = asyncio.create_task(changes())
        peak, stays = await grown(under, flood(under, token, ids))
        await noticing
        said = f"{stays:.0f} MB are still there 3 s after they went"
        rows.append(Row(f"{what}: MB that the worker grows", peak, said, f"at most {most:g}",
                        peak <= most, f"peak in {LINGER:g} s; one uvicorn process"))  # fmt: skip
        ratio = percentile(flooded, 0.99) / percentile(quiet, 0.99)
        ms = f"p99 {percentile(flooded, 0.99):.0f} to {percentile(quiet, 0.99):.0f} ms"
        rows.append(Row(f"{what}: another tenant's p99, to quiet", ratio, ms, "at most 2",
                        ratio <= 2, f"{len(flooded)} changes, from commit to frame"))  # fmt: skip
    return rows


async def measure() -> list[Row]:
    world = await town.made()
    ids = await town.in_thread(large_documents)(world)
    small = await town.in_thread(town.with_document)(world, "globex", "rival")
    token = await town.in_thread(world.token)("owner")
    async with server(uvicorn(town.APPLICATION)) as under:
        of_small = await town.plan(world, under.port, 1, [small.id], "rival", "globex")
        async with clients(of_small) as reader:
            await reader.open()
            return await beside(under, reader, small, token, ids)
