"""The sweep: whatever is live is read again before its last read is older than the period.

It finds what no trigger saw, such as writes while one was missing or disabled. It never pushes:
what differs from what was shown goes through a round, which writes the missing row, and the
ordinary way corrects.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, Final, Protocol

from permissions.read import Pair, read_across
from realtime.audit.ledger import Run
from realtime.hub.rounds import Rounds
from realtime.hub.session_checks import SessionChecks
from realtime.metrics import SWEEP_LAG
from realtime.state.connections import Connections
from realtime.state.due import Due
from realtime.state.subscriptions import Subscription
from realtime.state.windows import Window

DUE: Final = 0.9
"""The part of the period after which an object is read again; the rest is for queueing."""

ROWS: Final = 100
"""Rows of a window, about: so many fewer windows are read at once."""

LOOKS: Final = 15
"""Looks per period, if no more is due than one look can read."""


class Swept(Protocol):
    """What the sweep needs of a hub."""

    limits: Mapping[str, Any]
    rounds: dict[int, Rounds]
    due: Due[Subscription]
    windows_due: Due[Window]
    connections: Connections
    session_checks: SessionChecks

    @property
    def run(self) -> Run:
        """Run a plain function with its arguments on a thread."""


class Sweep:
    """The sweep of one hub."""

    def __init__(self, hub: Swept) -> None:
        self._hub = hub

    async def run(self) -> None:
        """Sweep forever within the CPU budget, taking longer than the period if there is much to
        read."""
        loop = asyncio.get_running_loop()
        while True:
            began, cpu = loop.time(), time.process_time()
            full = await self.look(began)
            cpu = time.process_time() - cpu
            await asyncio.sleep(pause(self._hub.limits, cpu, loop.time() - began, full=full))

    async def look(self, now: float) -> bool:
        """Read what is due, and wait for what follows; return whether more is due.

        One read covers all tenants. Unchanged objects are left alone; the others go through their
        tenant's round, which reads again. Times are the event loop's.
        """
        hub = self._hub
        period: float = hub.limits["sweep_seconds"]
        size: int = hub.limits["round_size"]
        before = now - DUE * period
        oldest = min(hub.due.oldest, hub.windows_due.oldest)
        SWEEP_LAG.set(max(0.0, now - period - oldest))
        due = hub.due.before(before, size)
        windows = hub.windows_due.before(before, max(1, size // ROWS))
        sockets = hub.connections.checked.before(before, size)
        asked = await self._ask(due) | self._ask_windows(windows)
        await hub.session_checks.of_sockets(sockets)
        for rounds in asked:
            await rounds.settled()
        return len(due) >= size or len(sockets) >= size or len(windows) >= max(1, size // ROWS)

    def _ask_windows(self, windows: Collection[Window]) -> set[Rounds]:
        """Have the lists of these read, and their rows: no row of the access log may have named
        what they miss, or no longer show."""
        asked = set()
        for window in windows:
            rounds = self._hub.rounds[window.socket.tenant_id]
            rounds.windows.ask_window(window)
            asked.add(rounds)
        return asked

    async def _ask(self, due: Collection[Subscription]) -> set[Rounds]:
        """Read these, and return the rounds of those that differ, after asking them."""
        hub = self._hub
        wanted: defaultdict[int, set[Pair]] = defaultdict(set)
        for s in due:
            wanted[s.socket.tenant_id].add(s.pair)
        at = asyncio.get_running_loop().time()
        seen = await hub.run(read_across, wanted) if wanted else {}
        asked = set()
        for s in due:
            r = seen[s.socket.tenant_id, s.pair]
            rounds = hub.rounds.get(s.socket.tenant_id)
            if rounds is None:
                continue  # its socket closed meanwhile
            available = r is not None and bool(r.body)
            if r is not None and s.is_as_read(r.audience, r.version, r.etag, available=available):
                rounds.index.read([s], at)
            elif s in rounds.index:
                rounds.ask([s])
                asked.add(rounds)
        return asked


def pause(limits: Mapping[str, float], cpu: float, took: float, *, full: bool) -> float:
    """Return the seconds until the next look, given the last one's CPU time and duration.

    Other work of the process counts too: a busy process sweeps less.
    """
    rest = cpu / limits["sweep_budget"] - took
    return max(rest, 0.0 if full else limits["sweep_seconds"] / LOOKS)
