"""The code's own decision of which windows hold a row, asked about the model's states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from permissions.representation import ObjectKey
from realtime.state import settling
from realtime.state.subscriptions import State as Standing
from realtime.state.subscriptions import Subscription
from realtime.state.windows import Window, WindowState
from tests.model.lists_states import LIMIT, NAMES, Held, State
from tests.realtime.pieces import MODEL, socket

STANDINGS = {"pending": Standing.PENDING, "live": Standing.LIVE, "ended": Standing.ENDED}
SHOWN = {"A": "owner", "B": "viewer"}


class Keeper:
    """The rounds, as far as the model's state says."""

    def __init__(self, s: State) -> None:
        self._s = s
        self.asked: set[int | str] = set()
        self.gone: set[int] = set()

    def ask(self, subscriptions: Iterable[Subscription]) -> None:
        """Note rows that are to be read."""
        self.asked |= {s.key.pk for s in subscriptions}

    def ask_window(self, window: Window) -> None:
        """Note a list that is to be read."""
        self.asked.add(window.name)

    def reads(self, s: Subscription) -> bool:
        """Whether the round is reading it."""
        return self._s.round is not None and s.key.pk in self._s.round.todo

    def waits(self, s: Subscription) -> bool:
        """Whether it is asked for, or something newer is kept of it."""
        newer = any(m.key == s.key.pk and m.version > s.version for _, m in self._s.kept)
        return s.key.pk in self._s.asks or newer

    def let_go(self, s: Subscription) -> None:
        """Note what is forgotten."""
        s.let_go()
        self.gone.add(s.key.pk)


def settle(s: State, key: int) -> State:
    """What the code makes of the state."""
    if s.held[key] is None:
        return s
    keeper, of = Keeper(s), socket()
    of.keeper = keeper
    windows = {}
    for name in NAMES:
        known = s.window(name)
        if known is not None:
            windows[name] = Window(
                of, MODEL, name, limit=LIMIT if name == "few" else 100,
                where=(("status", ("1",)),) if name == "few" else (), fields=("status",),
                matches=lambda values: values.get("status") == 1,
            )  # fmt: skip
            windows[name].state = WindowState.LIVE if known.live else WindowState.PENDING
            windows[name].floor = known.floor if known.floor >= 0 else None
            windows[name].placing, windows[name].due = known.placing, known.due
            of.windows[name] = windows[name]
    rows = {k: _row(s, of, windows, k, held) for k, held in enumerate(s.held) if held is not None}
    settling.settle(rows[key])
    for k, row in rows.items():
        s = s.with_held(k, _as_held(s, k, row, gone=k in keeper.gone))
    for name, window in windows.items():
        known = s.window(name)
        assert known is not None
        floor = -1 if window.floor is None else window.floor
        s = s.with_window(name, known._replace(floor=floor))
    return s.ask(*keeper.asked)


def _row(s: State, of: Any, windows: dict[str, Window], key: int, held: Held) -> Subscription:
    row = Subscription(of, ObjectKey(MODEL, key), f"id of {key}")
    row.single, row.state, row.version = False, STANDINGS[held.state], held.version
    row.audience = SHOWN.get(held.audience)
    if held.state == "live":
        payload = s.view(held.at, key, held.audience)
        row.values = {"status": payload[-1]} if len(payload) > 2 else {}
    of.subscriptions[row.key] = row
    for name, window in windows.items():
        if name in held.windows:
            window.admit(row)
        if name in held.told:
            window.enter(row)
    return row


def _as_held(s: State, key: int, row: Subscription, *, gone: bool) -> Held | None:
    """The row as the model has it: one that was let go is forgotten, once the client knows."""
    before = s.held[key]
    assert before is not None
    names = frozenset(window.name for window in row.windows)
    if gone:
        return Held("ended", told=before.told, sent=before.sent) if before.told else None
    if row.state is Standing.PENDING and before.state != "pending":
        return Held(told=before.told, sent=before.sent, windows=names)
    return before._replace(windows=names)
