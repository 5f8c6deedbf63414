"""The windows of one tenant in one process: what makes candidates for them, and what rounds place.

An object enters a window only by a round's read. Messages to a model's group name what was created
and bring the frames of what changed; what comes while a round is under way is kept until its end,
and looked at again then. Everything runs on one event loop: only an `await` interrupts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from permissions.audiences import registry
from permissions.read import Pair
from permissions.representation import ObjectKey
from realtime.hub.arrivals import may_match
from realtime.hub.delivery import Delivery
from realtime.hub.model_groups import ModelGroups
from realtime.hub.reading import ROWS
from realtime.state import ledger_entries, settling
from realtime.state.frames import Frame
from realtime.state.ledger_entries import Applying, Entries
from realtime.state.sockets import Socket
from realtime.state.subscriptions import State, Subscription
from realtime.state.window_index import WindowIndex
from realtime.state.windows import Window, WindowState
from tenants import opaque

if TYPE_CHECKING:
    from permissions.accesslog import Touch
    from realtime.hub.rounds import Rounds
    from realtime.hub.served import Served


class Windows:
    """The windows of a tenant; keeps their rows, and says what a round has to read for them.

    While they are not `in_use`, there is none, nor anything to leave of one: rounds ask nothing
    here. Those `asked` wait for their list. `reading` are the subscriptions that a round reads and
    has not placed. `_candidates` counts the rows that each window was given since the last round.
    """

    def __init__(
        self, rounds: Rounds, hub: Served, delivery: Delivery, newer: Callable[[Subscription], bool]
    ) -> None:
        self.in_use = False
        self.asked: dict[Window, None] = {}
        self.reading: set[Subscription] = set()
        self.index = WindowIndex()
        self._rounds = rounds
        self._hub = hub
        self._delivery = delivery
        self._newer = newer
        self._groups = ModelGroups(rounds.tenant_id, hub, self._ask_pending)
        self._taken: list[Window] = []
        self._candidates: dict[Window, int] = {}
        self.applying = Applying()

    # What clients ask.

    def open(self, window: Window) -> None:
        """Take in a window, and have its list read."""
        self.index.add(window)
        self.ask_window(window)

    def close(self, window: Window) -> None:
        """End a window at its client's request."""
        settling.end(window)
        self.forget(window, ledger_entries.UNSUBSCRIBED)

    def forget(self, window: Window, why: str) -> None:
        """Forget a window that has ended."""
        window.state, window.ended = WindowState.ENDED, why
        self._hub.ledger.end_viewing(window)
        self.index.remove(window)
        self.asked.pop(window, None)
        self._hub.windows_due.forget(window)
        if not self._delivery.reading:
            self.rest()

    # What windows need of rounds.

    def ask(self, subscriptions: Iterable[Subscription]) -> None:
        """Have these rows read in the next round."""
        self._rounds.ask(subscriptions)

    def ask_window(self, window: Window) -> None:
        """Have the window's list read in the next round."""
        self.in_use = True
        self.asked[window] = None
        self._rounds.ask(())

    def begin_anew(self) -> None:
        """Say again that this process has windows, and which, since it was presumed dead."""
        self._groups.begin_anew()
        self.applying = Applying()
        for window in self.index.all:
            window.viewing = None

    def ask_all(self) -> None:
        """Have all lists read."""
        self.asked.update(dict.fromkeys(self.index.all))
        self._rounds.ask(())

    def waits(self, s: Subscription) -> bool:
        """Return whether the row is asked for, or something newer is kept of it."""
        return self._rounds.asked(s) or self._newer(s)

    def reads(self, s: Subscription) -> bool:
        """Return whether a round is reading the row."""
        return s in self.reading

    def let_go(self, s: Subscription) -> None:
        """Forget a row that nobody here wants any more."""
        s.let_go()
        self._rounds.remove(s)

    # Candidates.

    def candidates(self, key: ObjectKey, some: Iterable[Window]) -> list[Subscription]:
        """Return new rows for those of the windows that have the object in their range, and whose
        socket has no row of it; where there are many, the list is read instead."""
        given = self._candidates
        sockets: dict[Socket, None] = {}
        for window in some:
            socket = window.socket
            if key in socket.subscriptions or socket in sockets or not window.inside(key.pk):
                continue
            before = given.get(window, 0)
            if before >= window.limit:
                self.ask_window(window)
                continue
            given[window] = before + 1
            sockets[socket] = None
        return self._rounds.index.new_rows(key, sockets, _id_of)

    # Rounds.

    async def take(self, most: int) -> list[Window]:
        """Return the windows whose lists this round reads, about so many rows.

        Only those whose group the process has joined: else what is published between the read and
        the join would reach nobody. Before it joins, it says that it has windows of the model.
        """
        taken = self._taken = []
        rows = 0
        for window in tuple(self.asked):
            if rows >= ROWS * most:
                break
            if await self._groups.is_joined(window.model) and window in self.asked:
                taken.append(window)
                rows += window.limit
            self.asked.pop(window, None)  # or it is asked for when the group is joined
        return taken

    def _ask_pending(self, model: str) -> None:
        """Have the windows that waited for this model's group read: it has become usable."""
        for window in self.index.of_model(model):
            if window.state is WindowState.PENDING:
                self.ask_window(window)
        if not self._delivery.reading:
            self.rest()

    def retry(self) -> None:
        """A round has failed: its windows are read in the next one."""
        self.asked.update(dict.fromkeys(self._taken))

    def rows(self, some: Iterable[Window]) -> set[Subscription]:
        """Return what a round reads with these windows' lists: what their sockets hold of the
        models already, which may live by other groups."""
        return {
            s
            for window in some
            for s in window.socket.subscriptions.values()
            if s.key.model == window.model
        }

    def touched(self, touches: Iterable[Touch]) -> tuple[set[Window], set[Subscription]]:
        """Return the live windows whose lists the access changes may have moved, and new rows for
        those which may come to hold one object."""
        some: set[Window] = set()
        rows: set[Subscription] = set()
        for touch in touches:
            if touch.model is None or touch.object_id is None:
                some.update(w for w in self.index.of_user(touch.user_id) if w.is_live)
            elif not touch.deleted:
                theirs = self.index.of_user(touch.user_id, touch.model)
                rows.update(self.candidates(ObjectKey(touch.model, touch.object_id), theirs))
        return some, rows

    def listed(self, lists: Mapping[Window, list[Any]]) -> set[Subscription]:
        """Return the rows of what the lists name, new ones where there are none."""
        rows = set()
        for window, pks in lists.items():
            if not window.is_ended:
                for pk in pks[: window.limit]:
                    key = ObjectKey(window.model, pk)
                    known = window.socket.subscriptions.get(key)
                    rows.update(
                        [known]
                        if known
                        else self._rounds.index.new_rows(key, [window.socket], _id_of)
                    )
        return rows

    def entries(self, lists: Iterable[Window], revision: int, read: int) -> Entries:
        """Return what a round has to write of windows: those whose lists it read first, and, if
        there are any, what it raised."""
        new = (w for w in lists if w.viewing is None and not w.is_ended)
        return Entries(new, self.applying.raised(revision, read) if self.index else None)

    def together(self, lists: Iterable[Window]) -> Iterator[list[Window]]:
        """Yield the windows that have rows in common: those of a model on one socket."""
        by_rows: defaultdict[tuple[Socket, str], list[Window]] = defaultdict(list)
        for window in lists:
            by_rows[window.socket, window.model].append(window)
        for some in by_rows.values():
            yield [window for window in some if not window.is_ended]

    def place(
        self,
        some: Collection[Window],
        lists: Mapping[Window, list[Any]],
        seen: Mapping[Pair, Frame | None],
        place: Callable[[Subscription], None],
    ) -> None:
        """Place what a round read for windows that have rows in common, in one step: their ranges,
        their rows, and what follows from them."""
        listed: set[ObjectKey] = set()
        for window in some:
            pks = lists[window]
            window.state, window.placing = WindowState.LIVE, True
            window.floor = pks[window.limit] if len(pks) > window.limit else None
            listed.update(ObjectKey(window.model, pk) for pk in pks[: window.limit])
        # What ends makes room; what enters comes as it is listed.
        rows = sorted(self.rows(some), key=lambda s: s.key.pk, reverse=True)
        rows.sort(key=lambda s: s.key in listed)
        for s in rows:
            if s in self.reading:
                place(s)
        for s in rows:
            self._settle(s, seen.get(s.pair))
        for window in some:
            pks = lists[window][: window.limit]
            window.placing = False
            window.wait_for(s for s in rows if s.key.pk in pks)
            settling.announce(window)
            pairs = ((window.socket.user_id, ObjectKey(window.model, pk)) for pk in pks)
            if window.short and any(_overtaken(window, seen.get(pair)) for pair in pairs):
                self.ask_window(window)

    def _settle(self, s: Subscription, read: Frame | None) -> None:
        """Decide which windows hold a row; it enters with what was read, if that is its newest."""
        if s.state is State.ENDED:
            return
        newest = read is not None and (read.version, read.seen.audience) == (s.version, s.audience)
        if newest and s.state is State.LIVE and not isinstance(s.slot, Frame):
            settling.learn(s, settling.of(s), read)
        settling.settle(s)
        if s.state is not State.LIVE or s.slot is not None or not s.moves:
            s.tell()
        elif newest and read is not None:
            s.put(read)
        else:
            self.ask([s])

    async def finish(self, some: Iterable[Window], at: float) -> None:
        """A round has placed what it read for these windows at this time: bring what came since."""
        self.reading = set()
        self._candidates.clear()
        live = (w for w in some if w.is_live)
        self._hub.windows_due.looked_at(live, at)
        await self._rounds.arrivals.finish()

    def rest(self) -> None:
        """Leave the groups of models without windows: no round is under way."""
        if not self.index:
            self.applying = Applying()  # what is raised without windows is not written
        self._groups.keep(self.index.models)
        self._taken = []
        self.in_use = bool(self.index or self.asked or self._groups)

    def end(self) -> None:
        """Leave all groups: the tenant has no socket here any more."""
        self.index = WindowIndex()
        self.rest()


def _id_of(key: ObjectKey) -> str:
    return opaque.encode(registry.get(key.model).model, key.pk)


def _overtaken(window: Window, read: Frame | None) -> bool:
    """Return whether the window should have held what was read: something newer came."""
    if read is None or not may_match(window, [read]):
        return False
    s = window.socket.subscriptions.get(read.key)
    return s is None or (s.state is not State.PENDING and window not in s.windows)
