"""Convergence: when writers rest, every live copy must soon equal what REST answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings

from bench.soak.clients import Client
from bench.soak.followers import Follower
from bench.soak.lists import List, Target
from bench.soak.rest import Rest
from bench.soak.town import Person

RECONNECT_SECONDS = 30.0
READING_SECONDS = 1.0
"""What a look of the tail, and the round that follows, may take beside the period itself."""
DOCUMENT = "resources.document"
PATHS = {DOCUMENT: "documents", "resources.profile": "profiles"}


@dataclass
class Convergence:
    """What one check found; `seconds` is how long after the last write the last copy moved."""

    checked: int = 0
    missed: list[str] = field(default_factory=list)
    windows: int = 0
    unequal: list[str] = field(default_factory=list)
    reconnected: float = 0.0
    seconds: float = 0.0


async def check(clients: list[Client], followers: list[Follower], rest: Rest) -> Convergence:
    """Compare every copy and window with a GET, a tail period after all sockets are there again.

    Writers must be at rest. What is not answered or not connected in time counts as missed.
    """
    found = Convergence()
    began = time.monotonic()
    await _settled([*clients, *followers])
    await asyncio.gather(*(_ask(client) for client in clients))
    for follower in followers:
        follower.ask()
    await _settled([*clients, *followers])
    found.reconnected = time.monotonic() - began
    since = time.monotonic()
    await asyncio.sleep(settings.EARSHOT["tail_seconds"] + READING_SECONDS)
    held = {client: dict(client.copies) for client in clients}
    live = {client: set(client.live) for client in clients}
    moved = max((at for client in clients for at in client.moved_at.values()), default=since)
    found.seconds = max(0.0, moved - since)
    truths = await _truths([*clients, *followers], rest)
    for client in clients:
        for target in client.wanted:
            found.checked += 1
            copy = held[client][target][0] if target in live[client] else None
            if copy != truths[client.person.name, target]:
                found.missed.append(
                    f"{client.person.name}, socket {client.number}, {target}: holds {copy!r:.200},"
                    f" REST says {truths[client.person.name, target]!r:.200}"
                )
    _check_followed(followers, truths, found)
    await _check_windows(clients, rest, found)
    await _check_lists(followers, rest, found)
    return found


def _check_followed(
    followers: list[Follower], truths: dict[tuple[str, Target], Any], found: Convergence
) -> None:
    for each in followers:
        for target in each.wanted:
            found.checked += 1
            truth = truths[each.person.name, target]
            if each.held(target) != truth:
                found.missed.append(
                    f"{each.person.name}, follower {each.number}, {target}:"
                    f" shows {each.copies.get(target)!r:.200}, REST says {truth!r:.200}"
                )


async def _check_lists(followers: list[Follower], rest: Rest, found: Convergence) -> None:
    asks = [(each.person, f"/api/{PATHS[DOCUMENT]}/?limit=100") for each in followers]
    for each, truth in zip(followers, await _answers(rest, asks), strict=True):
        found.windows += 1
        if not isinstance(truth, dict) or each.differs(truth["results"]):
            found.unequal.append(
                f"{each.person.name}, follower {each.number}: {each.rows!r:.300},"
                f" REST says {truth!r:.300}"
            )


async def _check_windows(clients: list[Client], rest: Rest, found: Convergence) -> None:
    """Each window is the beginning of its person's list, whatever their sockets went through."""
    # As it was at one moment: a window is read again now and then, and moves within its rules.
    shown = {
        (client, one.name): (replace(one), _shown(client, one))
        for client in clients
        for one in _lists(client)
    }
    wanted = {(c.person.name, one.query): c.person for c in clients for one in _lists(c)}
    asks = [(p, f"/api/{PATHS[DOCUMENT]}/?{query}") for (_, query), p in wanted.items()]
    truths = dict(zip(wanted, await _answers(rest, asks), strict=True))
    for client in clients:
        for one in _lists(client):
            found.windows += 1
            truth = truths[client.person.name, one.query]
            then, payloads = shown[client, one.name]
            if not isinstance(truth, dict) or then.differs(payloads, truth["results"]):
                found.unequal.append(
                    f"{client.person.name}, socket {client.number}, {one.name}: showed "
                    f"{[row['id'] for row in payloads]}, more {then.more}, since "
                    f"{time.monotonic() - then.moved_at:.1f} s; {_said(truth, payloads)}"
                )


def _said(truth: Any, payloads: list[Any]) -> str:
    """What REST answers: which rows, and of the first that a window shows otherwise, how."""
    if not isinstance(truth, dict):
        return f"REST says {truth!r:.300}"
    rows = [row["id"] for row in truth["results"]]
    pairs = zip(payloads, truth["results"], strict=False)
    others = [f"{ours!r:.300}, not {theirs!r:.300}" for ours, theirs in pairs if ours != theirs]
    return ", ".join([f"REST says {rows}, unavailable {truth['unavailable']}", *others[:1]])


def _lists(client: Client) -> list[List]:
    return list(client.lists.values())


def _shown(client: Client, one: List) -> list[Any]:
    return [client.copies[DOCUMENT, id][0] for id in one.rows]


async def _settled(clients: Sequence[Client | Follower]) -> None:
    deadline = time.monotonic() + RECONNECT_SECONDS
    while time.monotonic() < deadline and not all(client.settled for client in clients):
        await asyncio.sleep(0.05)


async def _ask(client: Client) -> None:
    """For what is not held; and whether it has taken what it was sent."""
    if client.welcome is not None:
        for target in client.missing():
            await client.subscribe(target)
        await client.ping()


async def _truths(
    clients: Sequence[Client | Follower], rest: Rest
) -> dict[tuple[str, Target], Any]:
    """What REST answers to each person about each thing that they want; None: they see none."""
    wanted = {(c.person.name, target): c.person for c in clients for target in c.wanted}
    asks = [(p, f"/api/{PATHS[model]}/{id}/") for (_, (model, id)), p in wanted.items()]
    return dict(zip(wanted, await _answers(rest, asks), strict=True))


async def _answers(rest: Rest, asks: list[tuple[Person, str]]) -> list[Any]:
    """What REST answers to each of these people."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(6) as threads:
        return await asyncio.gather(
            *(loop.run_in_executor(threads, _get, rest, person, path) for person, path in asks)
        )


def _get(rest: Rest, person: Person, path: str) -> Any:
    """REST's answer; a server that was just started may need a second try."""
    for _ in range(5):
        try:
            status, body = rest.call(person, "GET", path, expect=(404,))
        except Exception:
            time.sleep(0.2)
        else:
            return body if status == 200 else None
    return "REST did not answer"
