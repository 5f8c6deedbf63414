"""Faults: what is broken, for how long, and how it is mended. Each returns when it is over."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from django.db import connection

from bench.soak.clients import Client
from bench.soak.fleet import Fleet, Process
from bench.soak.floods import Attacker
from bench.soak.town import Paper
from bench.soak.writers import Writer
from resources.models import Document
from tests.servers import Postgres, Server, Valkey

HEAVY = "canary-{}." + "y" * 250_000
HEAVY_WRITES = 40


@dataclass
class Parts:
    """What can be broken; `hold` is how long it stays so, in seconds."""

    fleet: Fleet
    postgres: Postgres
    valkey: Valkey
    slow: list[Client]
    writer: Writer
    attacker: Attacker
    random: Random
    hold: float


Fault = Callable[[Parts], Awaitable[None]]


async def kill_uvicorn(parts: Parts) -> None:
    """kill -9, and a start some seconds later."""
    await _kill(parts, [p for p in parts.fleet.processes if p.program == "uvicorn"])


async def kill_daphne(parts: Parts) -> None:
    """The same to Daphne."""
    await _kill(parts, [p for p in parts.fleet.processes if p.program == "daphne"])


async def _kill(parts: Parts, processes: list[Process]) -> None:
    process = parts.random.choice(processes)
    await asyncio.to_thread(process.kill)
    await asyncio.sleep(parts.hold)
    await asyncio.to_thread(process.start)


async def pause_server(parts: Parts) -> None:
    """SIGSTOP: its sockets stay open, and say nothing."""
    process = parts.random.choice(parts.fleet.processes)
    process.pause()
    try:
        await asyncio.sleep(parts.hold)
    finally:
        process.resume()


async def restart_valkey(parts: Parts) -> None:
    """The broker is gone, and comes back empty."""
    await _restart(parts.valkey, parts.hold)


async def stop_postgres(parts: Parts) -> None:
    """The database is gone, and comes back."""
    await _restart(parts.postgres, parts.hold)


async def _restart(server: Server, seconds: float) -> None:
    await asyncio.to_thread(server.stop)
    try:
        await asyncio.sleep(seconds)
    finally:
        await asyncio.shield(asyncio.to_thread(server.start))


async def pause_valkey(parts: Parts) -> None:
    """SIGSTOP: it takes connections and says nothing."""
    assert parts.valkey.process is not None
    parts.valkey.process.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(parts.hold)
    finally:
        parts.valkey.process.send_signal(signal.SIGCONT)


async def slow_clients(parts: Parts) -> None:
    """Some take nothing while large states are written, and lose access meanwhile."""
    for client in parts.slow:
        client.reading.clear()
    await asyncio.to_thread(_flood, parts)
    await asyncio.sleep(parts.hold)
    for client in parts.slow:
        client.reading.set()


def _flood(parts: Parts) -> None:
    """Write large states until every buffer is full; then demote the reader, and write again."""
    writer, town = parts.writer, parts.writer.town
    paper, person = town.heavy, parts.slow[0].person
    for _ in range(HEAVY_WRITES):
        writer.write_heavy(paper, HEAVY)
    fact = town.history.facts["own", person.name, paper.id]
    with paper.grants:
        fact.add(*writer.done("grant", lambda: town.grant(paper, person, "viewer")), "viewer")
    writer.write(paper, writer.by_update)
    with paper.grants:
        fact.add(*writer.done("grant", lambda: town.grant(paper, person, None)), None)
    for _ in range(3):
        writer.write_heavy(paper, HEAVY)
    with paper.grants:
        fact.add(*writer.done("grant", lambda: town.grant(paper, person, "editor")), "editor")


async def flood_passwords(parts: Parts) -> None:
    """One person changes their password, over and over."""
    await parts.attacker.passwords(parts.hold)


async def flood_logins(parts: Parts) -> None:
    """Somebody tries passwords, over and over."""
    await parts.attacker.logins(parts.hold)


async def flood_messages(parts: Parts) -> None:
    """Clients send what is too much, and take nothing."""
    await parts.attacker.messages(parts.hold)


async def bad_row(parts: Parts) -> None:
    """A document holds a date that is none: nobody can show it to its owner and editors."""
    paper = parts.random.choice(parts.writer.town.papers[1:])
    rows = Document.objects.filter(tenant=paper.owner.tenant, pk=paper.document.pk)
    await asyncio.to_thread(paper.writes.acquire)
    try:
        await asyncio.to_thread(_in_thread, lambda: _spoil(paper))
        # Whoever sees the status hears of this, or that the document is unavailable.
        await asyncio.to_thread(_in_thread, lambda: rows.update(status="archived"))
        await asyncio.sleep(parts.hold)
        await asyncio.to_thread(_in_thread, lambda: rows.update(status="draft", due_on=None))
    finally:
        paper.writes.release()


def _spoil(paper: Paper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE resources_document SET due_on = '12000-01-01' WHERE id = %s",
            [paper.document.pk],
        )


def _in_thread(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        connection.close()


FAULTS: dict[str, Fault] = {
    "Valkey restarted": restart_valkey,
    "a server killed": kill_uvicorn,
    "Valkey paused": pause_valkey,
    "PostgreSQL stopped": stop_postgres,
    "slow clients": slow_clients,
    "a server paused": pause_server,
    "Daphne killed": kill_daphne,
    "passwords flooded": flood_passwords,
    "logins flooded": flood_logins,
    "oversized clients": flood_messages,
    "a bad row": bad_row,
}


class UnknownFault(LookupError):
    """`FAULTS` names something that is none."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name!r} is none of {', '.join(FAULTS)}.")


def chosen(names: str) -> list[str]:
    """The faults that a comma-separated text names; of an empty one all. Raises UnknownFault."""
    found = [name.strip() for name in names.split(",") if name.strip()]
    for name in found:
        if name not in FAULTS:
            raise UnknownFault(name)
    return found or list(FAULTS)
