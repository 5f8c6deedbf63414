"""A tenant's windows in one process; `tests/model` walks through what may happen in which order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from permissions.representation import ObjectKey
from realtime.hub.group_membership import Group, Membership
from realtime.hub.windows import Windows
from realtime.state.due import Due
from realtime.state.index import Index
from realtime.state.sockets import Socket
from realtime.state.subscriptions import State, Subscription
from realtime.state.windows import Window, WindowState
from tests.realtime.pieces import MODEL, frame, socket, subscription


class Rounds:
    """What windows need of rounds, and what was asked of them."""

    tenant_id = 1

    def __init__(self) -> None:
        self.index = Index(Due())
        self.questions: list[Subscription] = []

    def ask(self, subscriptions: Iterable[Subscription]) -> None:
        self.questions += subscriptions

    def asked(self, s: Subscription) -> bool:
        return s in self.questions

    def remove(self, s: Subscription) -> None:
        self.index.remove(s)


class Hub:
    """What windows need of a hub; its one group is where the test says."""

    process = 7

    def __init__(self) -> None:
        self.ledger = self
        self.groups = self
        self.windows_due: Due[Window] = Due()
        self.group = Group("group")
        self.unwatched: list[int] = []
        self.left = 0
        self.closed: list[Window] = []

    async def run(self, *_: Any) -> int:
        return 5

    def want(self, *_: Any) -> Group:
        return self.group

    def leave_unwanted(self, group: Group) -> None:
        self.left += 1

    def unwatch(self, rows: Iterable[int]) -> None:
        self.unwatched += rows

    def end_viewing(self, window: Window) -> None:
        self.closed.append(window)


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def rounds() -> Rounds:
    return Rounds()


@pytest.fixture
def delivery() -> Any:
    return SimpleNamespace(reading=False, applied=0)


@pytest.fixture
def windows(hub: Hub, rounds: Rounds, delivery: Any) -> Windows:
    real: Any = (rounds, hub, delivery, lambda s: False)
    return Windows(*real)


@pytest.fixture
def of(windows: Windows) -> Socket:
    made = socket()
    made.keeper = windows
    return made


def opened(windows: Windows, of: Socket, limit: int = 100) -> Window:
    window = Window(of, MODEL, "w", limit=limit)
    of.windows["w"] = window
    windows.open(window)
    return window


def row(of: Socket, pk: int) -> Subscription:
    """A live row that was sent version 1."""
    s = subscription(of, pk=pk)
    s.single = False
    s.version = 1
    s.sent = frame(1, key=s.key).digest
    return s


async def test_a_round_lists_for_so_many_rows(windows: Windows, of: Socket, hub: Hub) -> None:
    hub.group.membership = Membership.JOINED
    window = opened(windows, of)
    assert await windows.take(0) == []
    assert windows.asked
    assert await windows.take(1) == [window]
    assert not windows.asked


async def test_a_window_waits_until_its_group_is_joined(
    windows: Windows, of: Socket, hub: Hub, delivery: Any
) -> None:
    window = opened(windows, of)
    delivery.reading = True
    assert await windows.take(100) == []
    windows._ask_pending(MODEL)
    assert windows.asked
    hub.group.membership = Membership.JOINED
    assert await windows.take(100) == [window]
    window.state = WindowState.LIVE
    delivery.reading = False
    windows._ask_pending(MODEL)
    assert not windows.asked


async def test_a_group_that_is_being_joined_is_left_when_it_is(
    windows: Windows, of: Socket, hub: Hub
) -> None:
    window = opened(windows, of)
    await windows.take(100)
    windows.forget(window, "x")
    assert (hub.unwatched, hub.group.pinned, hub.left) == ([5], False, 1)
    hub.group.membership = Membership.JOINED
    windows._ask_pending(MODEL)
    assert hub.left == 2
    windows.rest()
    assert hub.left == 2


def test_a_window_that_a_newer_state_left_short_is_listed_again(
    windows: Windows, of: Socket
) -> None:
    window = opened(windows, of, limit=1)
    s = subscription(of, pk=2)
    read = frame(1, key=s.key)
    del of.subscriptions[s.key]  # something newer came, and it was let go
    windows.asked.clear()
    windows.place([window], {window: [2, 1]}, {s.pair: read}, lambda s: None)
    assert windows.asked


def test_a_row_that_waits_leaves_its_window_short_for_now(windows: Windows, of: Socket) -> None:
    window = opened(windows, of, limit=1)
    s = subscription(of, pk=2)
    s.silence()
    windows.asked.clear()
    windows.place([window], {window: [2, 1]}, {s.pair: frame(1, key=s.key)}, lambda s: None)
    assert not windows.asked


def test_what_is_gone_leaves_a_window_short(windows: Windows, of: Socket) -> None:
    window = opened(windows, of, limit=1)
    s = subscription(of, pk=2)
    del of.subscriptions[s.key]
    windows.asked.clear()
    windows.place([window], {window: [2, 1]}, {s.pair: None}, lambda s: None)
    assert not windows.asked


def test_a_row_enters_with_what_was_read_or_is_read_again(
    windows: Windows, of: Socket, rounds: Rounds
) -> None:
    window = opened(windows, of)
    s, newer = row(of, 1), row(of, 2)
    newer.version = 2
    seen = {s.pair: frame(1, key=s.key), newer.pair: frame(1, key=newer.key)}
    windows.place([window], {window: [2, 1]}, seen, lambda s: None)
    assert of.mailbox.take()[0].startswith('{"type":"ENTERED"')
    assert rounds.questions == [newer]


def test_a_row_that_ended_while_windows_are_placed_stays_so(windows: Windows, of: Socket) -> None:
    s = row(of, 1)
    s.state = State.ENDED
    windows._settle(s, None)
    assert len(of.mailbox) == 0


def test_ended_windows_take_no_rows(windows: Windows, of: Socket) -> None:
    window = opened(windows, of)
    window.state = WindowState.ENDED
    assert windows.listed({window: [1]}) == set()
    assert list(windows.together([window])) == [[]]
    windows.ask([row(of, 1)])
    assert windows.waits(of.subscriptions[row(of, 1).key]) is False


def test_more_new_rows_than_a_window_has_places_are_read_as_a_list(
    windows: Windows, of: Socket
) -> None:
    window = opened(windows, of, limit=1)
    window.state = WindowState.LIVE
    windows.asked.clear()
    found = [list(windows.candidates(ObjectKey(MODEL, pk), [window])) for pk in (1, 2)]
    assert [[s.key.pk for s in rows] for rows in found] == [[1], []]
    assert windows.asked


def test_windows_of_one_socket_have_one_new_row_of_an_object(windows: Windows, of: Socket) -> None:
    some = [opened(windows, of), Window(of, MODEL, "other", limit=9)]
    for window in some:
        window.state = WindowState.LIVE
    [row] = windows.candidates(ObjectKey(MODEL, 1), some)
    assert of.subscriptions[row.key] is row
    assert windows.candidates(ObjectKey(MODEL, 1), some) == []


def test_a_failed_round_lists_again(windows: Windows, of: Socket) -> None:
    window = opened(windows, of)
    windows.asked.clear()
    windows._taken = [window]
    windows.retry()
    assert windows.asked


def test_window_without_rows_goes_on_where_it_began_if_keys_have_no_next_one(
    windows: Windows, of: Socket
) -> None:
    """A number above the floor is a place; of a text or a UUID there is none."""
    places = {("k", "m"): "m", ("k", None): None, (4, None): "5", (4, 9): "5"}
    found = {}
    for floor, after in places:
        window = Window(of, MODEL, "w", limit=1, after=after)
        window.state, window.floor = WindowState.LIVE, floor
        found[floor, after] = json.loads(str(window.news()))["cursor"]
    assert found == places
