"""People who use `earshot.client` through all faults: what it shows them must be what REST answers.

Each stays on one server, and asks again from time to time for what is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any, Literal

from bench.soak.fleet import Process
from bench.soak.history import History
from bench.soak.lists import DOCUMENT, List, Target
from bench.soak.town import Person, Token, Town
from realtime.client import Copy, Earshot, Rows, Stopped, connect

OVER = ("gone", "refused")
ENDED = (4401, 4403)


class Follower:
    """One client of a person's: `wanted` by id, and a live list of everything."""

    def __init__(
        self, number: int, town: Town, process: Process, person: Person, wanted: list[Target],
        token: Token,
    ) -> None:  # fmt: skip
        self.number, self.person, self.wanted, self.token = number, person, wanted, token
        self.copies: dict[Target, Copy] = {}
        self.rows: Rows | None = None
        self.history: History = town.history
        self._town, self._process = town, process
        self._again = asyncio.Event()

    async def run(self) -> None:
        """Stay connected for ever; whoever is out of the tenant comes back when they are in."""
        while True:
            try:
                async with self._connected() as earshot, asyncio.TaskGroup() as group:
                    for target in self.wanted:
                        group.create_task(self._follow(earshot, target))
                    group.create_task(self._list(earshot))
            except* Stopped as stopped:
                codes = {each.code for each in stopped.exceptions if isinstance(each, Stopped)}
                self._stopped(codes)
            self.copies.clear()
            self.rows = None
            while self.history.facts["member", self.person.name].last is None:
                await asyncio.sleep(0.2)

    def _connected(self) -> Earshot:
        return connect(
            self._process.url, tenant=self.person.tenant.slug, credentials=self._credentials,
            on_frame=self._count, proxy=None,
        )  # fmt: skip

    def _stopped(self, codes: set[int | None]) -> None:
        for code in codes:
            self.history.count(f"clients of the package stopped by {code}")
            if code not in ENDED:
                self.history.disobeyed.append(f"follower {self.number}: stopped by {code}")

    async def _credentials(self, renew: bool) -> str:
        if renew:
            self.token = await asyncio.to_thread(self._town.renewed, self.person)
        return self.token.text

    def _count(self, frame: dict[str, Any], way: Literal["in", "out"]) -> None:
        self.history.count(f"frames {way} of the package's clients")

    async def _follow(self, earshot: Earshot, target: Target) -> None:
        while True:
            async for copy in earshot.object(*target):
                self.copies[target] = copy
                if copy.state in OVER:
                    break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(random.uniform(1, 5)):
                    await self._again.wait()

    async def _list(self, earshot: Earshot) -> None:
        async for rows in earshot.collection(DOCUMENT):
            self.rows = rows

    # What a check asks.

    def ask(self) -> None:
        """Ask again for all that is over, at once."""
        for target, copy in list(self.copies.items()):
            if copy.state in OVER:
                del self.copies[target]
        self._again.set()
        self._again.clear()

    @property
    def settled(self) -> bool:
        """Whether all that it asked for is answered."""
        copies = [self.copies.get(target) for target in self.wanted]
        answered = all(copy is not None and copy.state != "pending" for copy in copies)
        return answered and self.rows is not None and self.rows.state == "live"

    def held(self, target: Target) -> Any:
        """The payload that it shows as live."""
        copy = self.copies.get(target)
        return copy.payload if copy is not None and copy.state == "live" else None

    def differs(self, expected: list[Any]) -> bool:
        """Whether its list is not the beginning of this one."""
        if self.rows is None or self.rows.state != "live":
            return True
        one = List("all", 100, more=self.rows.more)
        return one.differs([row.payload for row in self.rows.rows], expected)
