"""Each rule of windows is needed: without it some path breaks a promise."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from realtime.hub.arrivals import Arrivals
from realtime.hub.model_groups import ModelGroups
from realtime.hub.windows import Windows
from realtime.publishing.moves import Move
from realtime.state import fence, settling, telling
from realtime.state.frames import Frame
from realtime.state.subscriptions import State, Subscription
from realtime.state.windows import Window
from tests.model import test_windows
from tests.model.database import Database
from tests.model.ghost import Broken

WALKS = int(os.environ.get("MODEL_STEPS") or 100)
Undo = Callable[[pytest.MonkeyPatch], None]


def enter_on_a_frames_word(patch: pytest.MonkeyPatch) -> None:
    """1: what a frame says is enough to enter."""
    bring = Arrivals._bring

    async def at_once(self: Arrivals, move: Move) -> None:
        await bring(self, move)
        for s in self._rounds.index.of_key(move.key):
            if s.state is State.PENDING and move.frames and s.version < 0 and not s.single:
                frame = move.frames[0]
                s.audience, s.state, s.version = frame.seen.audience, State.LIVE, frame.version
                s.put(frame)

    patch.setattr(Arrivals, "_bring", at_once)


def let_the_list_decide(patch: pytest.MonkeyPatch) -> None:
    """2: what the list does not name leaves, though a newer frame let it in."""
    place = Windows.place

    def and_throw_out(self: Windows, some: Any, lists: Any, *more: Any) -> None:
        place(self, some, lists, *more)
        for window in some:
            for pk in set(window.members) - set(lists[window]):
                s = window.members[pk]
                window.dismiss(s)
                settling._release(s)
                s.tell()

    patch.setattr(Windows, "place", and_throw_out)


def keep_one_of_an_object(patch: pytest.MonkeyPatch) -> None:
    """3: the newest frame is kept of each object, whatever its audience."""

    def keep(self: Arrivals, frame: Frame) -> None:
        others = {n: f for n, f in self._kept.items() if n[0] == frame.key}
        if all(f.version <= frame.version for f in others.values()):
            for name in others:
                del self._kept[name]
            self._kept[frame.key, frame.seen.audience] = frame

    patch.setattr(Arrivals, "_keep", keep)


def place_before_what_was_kept(patch: pytest.MonkeyPatch) -> None:
    """4: what was kept is offered when all is placed."""
    patch.setattr(Arrivals, "kept", lambda *_: None)


def look_only_once(patch: pytest.MonkeyPatch) -> None:
    """5: what came in a round is not looked at again."""
    finish = Arrivals.finish

    async def without(self: Arrivals) -> None:
        self._look.clear()
        self._seen.clear()
        await finish(self)

    patch.setattr(Arrivals, "finish", without)


def read_the_list_alone(patch: pytest.MonkeyPatch) -> None:
    """6: what the socket holds is not read with the list."""
    patch.setattr(Windows, "rows", lambda *_: set())


def let_go_of_what_waits(patch: pytest.MonkeyPatch) -> None:
    """7: a row is forgotten though it is asked for, or something newer is kept of it."""
    patch.setattr(Windows, "waits", lambda *_: False)


def let_go_of_what_is_read(patch: pytest.MonkeyPatch) -> None:
    """7: a row is forgotten while it is read."""
    patch.setattr(Windows, "reads", lambda *_: False)


def say_what_the_last_version_moved(patch: pytest.MonkeyPatch) -> None:
    """8: two changes are one message, which names the fields of the second."""
    change = Database._change

    def last(self: Database, pk: int, version: int, fields: str, **more: Any) -> None:
        change(self, pk, version, fields, **more)
        *before, (key, own, _, creation) = self.unpublished
        merged = [b for b in before if b[0] != pk]
        self.unpublished = [*merged, (key, own, own, creation)]

    patch.setattr(Database, "_change", last)


def match_what_is_absent(patch: pytest.MonkeyPatch) -> None:
    """9: a field that the reader's payload does not have matches."""
    patch.setattr(Window, "matches", lambda self, v: not self.where or v.get("status", "1") == "1")


def keep_the_floor(patch: pytest.MonkeyPatch) -> None:
    """10: a cut leaves the floor where it is."""
    cut = Window.cut

    def only(self: Window) -> Subscription | None:
        floor = self.floor
        found = cut(self)
        self.floor = floor
        return found

    patch.setattr(Window, "cut", only)


def forget_what_was_told(patch: pytest.MonkeyPatch) -> None:
    """11: nothing is noted of what the client was told."""
    enter = Window.enter

    def unnoted(self: Window, s: Subscription) -> str | None:
        before = enter(self, s)
        s.entered -= {self}
        return before

    patch.setattr(Window, "enter", unnoted)


def end_without_leaving(patch: pytest.MonkeyPatch) -> None:
    """12: what is gone does not leave its windows."""
    gone = telling.gone
    patch.setattr(
        telling, "gone", lambda s, slot: gone(s, slot) if slot is None else telling._ended(s)
    )


def ignore_gains(patch: pytest.MonkeyPatch) -> None:
    """A grant makes no candidate."""
    patch.setattr(Windows, "touched", lambda *_: (set(), set()))


def ignore_creations(patch: pytest.MonkeyPatch) -> None:
    """A creation makes no candidate."""
    consider = Arrivals._consider

    def only(self: Arrivals, key: Any, some: Iterable[Window]) -> None:
        consider(self, key, [w for w in some if w.where])

    patch.setattr(Arrivals, "_consider", only)


def read_before_the_join(patch: pytest.MonkeyPatch) -> None:
    """A list is read though the process is not in the group yet."""
    joined = ModelGroups.is_joined

    async def at_once(self: ModelGroups, model: str) -> bool:
        await joined(self, model)
        return True

    patch.setattr(ModelGroups, "is_joined", at_once)


def never_refill(patch: pytest.MonkeyPatch) -> None:
    """A window that has few rows left is not read again."""
    patch.setattr(Window, "short", False)


def answer_before_the_join(patch: pytest.MonkeyPatch) -> None:
    """A row that its client asks for goes on without its own group."""
    patch.setattr(Subscription, "silence", lambda self: None)


def let_anything_pass(patch: pytest.MonkeyPatch) -> None:
    """A frame of an access revision that is not applied passes."""
    passes = fence.passes
    patch.setattr(fence, "passes", lambda s, frame, applied: passes(s, frame, 10**9))


UNDONE: list[Undo] = [
    enter_on_a_frames_word, let_the_list_decide, keep_one_of_an_object,
    place_before_what_was_kept, look_only_once, read_the_list_alone, let_go_of_what_waits,
    let_go_of_what_is_read, say_what_the_last_version_moved, match_what_is_absent, keep_the_floor,
    forget_what_was_told, end_without_leaving, ignore_gains, ignore_creations,
    read_before_the_join, never_refill, answer_before_the_join, let_anything_pass,
]  # fmt: skip


@pytest.mark.parametrize("undo", UNDONE, ids=lambda undo: undo.__name__)
def test_each_rule_is_needed(undo: Undo, monkeypatch: pytest.MonkeyPatch) -> None:
    undo(monkeypatch)
    for n in range(WALKS):
        try:
            asyncio.run(test_windows.walk(random.Random(f"rules {n}")))
        except (Broken, AssertionError, KeyError):
            return
    raise AssertionError("no path breaks a promise without this rule")
