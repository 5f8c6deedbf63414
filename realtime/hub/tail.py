"""The tail: every couple of seconds, what committed since the last look and may have been lost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from permissions.audiences import registry
from permissions.commits import Mark
from realtime.audit.ledger import Run
from realtime.hub import reading
from realtime.hub.reading import Changed
from realtime.hub.rounds import Rounds
from realtime.state.subscriptions import Subscription


class Tailed(Protocol):
    """What the tail needs of a hub: the rounds of each tenant, and a thread with a database."""

    rounds: dict[int, Rounds]

    @property
    def run(self) -> Run:
        """Run a plain function with its arguments on a thread."""


class Tail:
    """The position of a hub's tail: `marks`, None before its first look."""

    def __init__(self, hub: Tailed) -> None:
        self.marks: list[Mark] | None = None
        self.looking = asyncio.Lock()
        self._hub = hub

    async def look(self) -> None:
        """Look once: notice the tenants' revisions, and ask for what changes overtook."""
        async with self.looking:
            for rounds in self._hub.rounds.values():
                rounds.retry()
            await self._look()

    async def _look(self) -> None:
        served: Mapping[int, Rounds] = self._hub.rounds
        found = await self._hub.run(reading.read_tail, lambda: list(served), self.marks)
        first, self.marks = self.marks is None, found.marks
        for tenant_id in found.revisions.keys() & served.keys():
            served[tenant_id].notice(found.revisions[tenant_id])
        if first:  # nobody knows what committed before the first look
            for rounds in served.values():
                rounds.ask_all()
        for changed in found.changed:
            asked = served.get(changed.tenant_id)
            if asked is not None:
                asked.ask([s for s in asked.index.of_key(changed.key) if overtaken(s, changed)])
                asked.arrivals.see(changed)
        for tenant_id, key in found.showing:
            asked = served.get(tenant_id)
            if asked is not None:
                rows = list(asked.index.of_key(key))
                asked.index.showing.update(rows)
                asked.ask(rows)


def overtaken(s: Subscription, changed: Changed) -> bool:
    """Return whether the change is newer than what the subscription has, and visible to its
    audience.

    Pending ones count too: the read that they wait for may be older than the change, and this look
    is the only one that finds it.
    """
    if changed.version <= s.version:  # nearly always, and there may be many of both
        return False
    resource = registry.get(changed.key.model)
    audience = None if s.audience is None else resource.audience(s.audience)
    return audience is None or bool(resource.changed(audience, changed.fields))
