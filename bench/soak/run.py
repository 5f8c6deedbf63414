"""One soak from the first socket to the verdict."""

from __future__ import annotations

import asyncio
import signal
import time
from random import Random

from django.conf import settings
from django.db import connections

from bench.soak.clients import Client
from bench.soak.convergence import Convergence, check
from bench.soak.faults import FAULTS, Parts
from bench.soak.fleet import Fleet
from bench.soak.floods import Attacker
from bench.soak.followers import Follower
from bench.soak.history import History, Window
from bench.soak.lists import Target
from bench.soak.report import report
from bench.soak.rest import Rest
from bench.soak.town import CANARIED, WANTED, Person, Town
from bench.soak.turns import Turns
from bench.soak.writers import Writer, threads
from realtime.publishing.publisher import publisher
from resources.documents.audiences import DOCUMENTS
from tests.servers import Postgres, Valkey

SLOW = 3
FOLLOWERS = 6
"""Clients of the package, beside those that record and judge each frame."""
WRITERS = 6
LONG_SECONDS = 4.0


class Soak:
    """All its parts, and the order in which they act."""

    def __init__(
        self,
        fleet: Fleet,
        postgres: Postgres,
        valkey: Valkey,
        sockets: int,
        seed: int,
        faults: list[str],
    ) -> None:
        self.faults = faults
        self.random = Random(seed)
        shown = {a.name: frozenset(a.fields) & {*CANARIED} for a in DOCUMENTS.audiences}
        self.history = History(shown)
        self.town = Town(self.history, self.random)
        self.fleet = fleet
        self.turns = Turns()
        self.rest = Rest(fleet)
        self.wanted: dict[str, list[Target]] = {}
        self.clients = [self._client(number) for number in range(sockets)]
        self.followers = [self._follower(number) for number in range(FOLLOWERS)]
        self.slow = self.clients[-SLOW:]
        writers = [self._writer(seed + number) for number in range(WRITERS)]
        self.threads = threads(writers)
        self.parts = Parts(
            fleet,
            postgres,
            valkey,
            self.slow,
            self._writer(seed - 1),
            Attacker(self.town.attacker, fleet, self.rest, self.history),
            self.random,
            3.0,
        )
        publisher.flush()
        connections.close_all()

    def _writer(self, seed: int) -> Writer:
        return Writer(self.town, self.rest, self.turns, self.clients, seed)

    def _client(self, number: int) -> Client:
        person, wanted = self._reader(number)
        return Client(number, self.town, self.fleet, person, wanted, self.town.token(person))

    def _follower(self, number: int) -> Follower:
        """Of both tenants' people."""
        person, wanted = self._reader(number * len(self.town.people) // FOLLOWERS)
        process = self.fleet.processes[number % len(self.fleet.processes)]
        return Follower(number, self.town, process, person, wanted, self.town.token(person))

    def _reader(self, number: int) -> tuple[Person, list[Target]]:
        """A person, and what they want."""
        person = self.town.people[number % len(self.town.people)]
        if person.name not in self.wanted:
            self.wanted[person.name] = self._wishes(person)
        return person, self.wanted[person.name]

    def _wishes(self, person: Person) -> list[Target]:
        papers = [p for p in self.town.papers if p.owner.tenant == person.tenant]
        owners = [p for p in self.town.of_tenant(person.tenant) if p.owner]
        return [
            *(
                ("resources.document", paper.id)
                for paper in self.random.sample(papers, WANTED)
                if paper is not self.town.heavy
            ),
            ("resources.profile", self.random.choice(owners).profile),
        ]

    def _slow_down(self) -> None:
        """The last sockets belong to one person, who reads a large document through thin pipes."""
        person = next(p for p in self.town.of_tenant(self.town.heavy.owner.tenant) if not p.owner)
        self._let_in(person)
        for client in self.slow:
            client.slow = True
            client.person = person
            client.token = self.town.token(person)
            client.wanted = [("resources.document", self.town.heavy.id)]
            client.lists.clear()

    def _let_in(self, person: Person) -> None:
        self.town.grant(self.town.heavy, person, "editor")
        self.history.facts["own", person.name, self.town.heavy.id].add(0, 0, "editor")

    async def run(self, seconds: float) -> bool:
        """Whether it was passed; cancelled, it ends all that it began."""
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await asyncio.to_thread(self._slow_down)
        readers: list[Client | Follower] = [*self.clients, *self.followers]
        sockets = [asyncio.create_task(reader.run()) for reader in readers]
        try:
            checks = await self._act(seconds)
        finally:
            self.turns.end()
            for socket in sockets:
                socket.cancel()
            await asyncio.gather(*sockets, return_exceptions=True)
            await asyncio.to_thread(self._join)
        return report(
            self.history, checks, settings.EARSHOT["tail_seconds"], self.fleet.differing()
        )

    def _join(self) -> None:
        for thread in self.threads:
            if thread.ident is not None:
                thread.join()

    async def _act(self, seconds: float) -> list[Convergence]:
        checks = [await self._converge("the beginning")]
        until = time.monotonic() + seconds
        for thread in self.threads:
            thread.start()
        calm = self.parts.hold = min(LONG_SECONDS, seconds / 20)
        while True:
            for name in self.random.sample(self.faults, len(self.faults)):
                self.turns.go()
                await asyncio.sleep(calm)
                if time.monotonic() > until:
                    checks.append(await self._converge("the end"))
                    return checks
                checks.append(await self._suffer(name))

    async def _suffer(self, name: str) -> Convergence:
        window = Window(name, time.monotonic())
        self.history.windows.append(window)
        await FAULTS[name](self.parts)
        found = await self._converge(name)
        window.ended = time.monotonic()
        most = "megabytes of memory of the largest server, at most"
        used = max(process.megabytes() for process in self.fleet.processes)
        self.history.counts[most] = max(self.history.counts[most], used)
        return found

    async def _converge(self, after: str) -> Convergence:
        await asyncio.to_thread(self.turns.rest)
        found = await check(self.clients, self.followers, self.rest)
        print(
            f"{after}: {len(found.missed)} of {found.checked} copies not converged, "
            f"{len(found.unequal)} of {found.windows} windows unequal to the list, "
            f"last moved after {found.seconds:.2f} s", flush=True,
        )  # fmt: skip
        return found
