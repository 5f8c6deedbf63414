"""Which windows hold a row; `tests/model` walks through what may happen in which order."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from realtime.state import settling
from realtime.state.fence import offer
from realtime.state.sockets import Socket
from realtime.state.subscriptions import State, Subscription
from realtime.state.windows import Window, WindowState
from tests.realtime.pieces import MODEL, frame, socket, subscription


class Keeping:
    """Notes what windows ask; `waiting` and `read` are what it says of every row."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.gone: list[Subscription] = []
        self.waiting = self.read = False

    def ask(self, subscriptions: Iterable[Subscription]) -> None:
        self.asked += subscriptions

    def ask_window(self, window: Window) -> None:
        self.asked.append(window)

    def reads(self, s: Subscription) -> bool:
        return self.read

    def waits(self, s: Subscription) -> bool:
        return self.waiting

    def let_go(self, s: Subscription) -> None:
        s.let_go()
        self.gone.append(s)


@pytest.fixture
def keeping() -> Keeping:
    return Keeping()


@pytest.fixture
def of(keeping: Keeping) -> Socket:
    made = socket()
    made.keeper = keeping
    return made


def opened(of: Socket, name: str = "w", limit: int = 100, where: bool = False) -> Window:
    """A live window of everything, or of what has the title `A`."""
    window = Window(
        of,
        MODEL,
        name,
        limit=limit,
        where=(("title", ("A",)),) if where else (),
        fields=("title",),
        matches=lambda values: values.get("title") == "A",
    )
    window.state = WindowState.LIVE
    of.windows[name] = window
    return window


def row(of: Socket, pk: int = 1) -> Subscription:
    """A row of a live window that was sent version 1."""
    s = subscription(of, pk=pk)
    s.single = False
    s.put(frame(1, '{"title":"A"}', key=s.key))
    while of.mailbox:
        of.mailbox.take()
    return s


def changed(s: Subscription, version: int = 2) -> None:
    """It matches no more."""
    assert offer(s, frame(version, '{"title":"B"}', key=s.key), applied=0)


def texts(of: Socket) -> str:
    found = []
    while of.mailbox:
        found += of.mailbox.take()
    return " ".join(found)


def test_row_that_no_longer_matches_is_let_go_and_leaves(of: Socket, keeping: Keeping) -> None:
    opened(of, where=True)
    s = row(of)
    changed(s)
    assert keeping.gone == [s]
    assert texts(of) == f'{{"type":"LEFT","model":"{MODEL}","id":"{s.id}","window":"w"}}'
    assert of.subscriptions == {}


def test_row_that_waits_is_read_again_instead(of: Socket, keeping: Keeping) -> None:
    opened(of, where=True)
    s = row(of)
    keeping.waiting = True
    changed(s)
    assert (s.state, s.version, keeping.asked) == (State.PENDING, -1, [s])
    assert '"LEFT"' in texts(of)


def test_row_that_is_being_read_stays(of: Socket, keeping: Keeping) -> None:
    window = opened(of, where=True)
    s = row(of)
    keeping.read = True
    settling.end(window)
    assert (s.state, keeping.gone) == (State.PENDING, [])
    settling.stop_single(s)
    assert keeping.gone == []


def test_pending_row_is_read_again_for_another_window(of: Socket, keeping: Keeping) -> None:
    opened(of, "one")
    two = opened(of, "two")
    s = row(of)
    s.silence()
    settling.end(two)
    assert (keeping.asked, keeping.gone) == ([s], [])
    settling.end(of.windows["one"])
    assert keeping.gone == [s]


def test_pending_single_subscription_outlives_a_window(of: Socket, keeping: Keeping) -> None:
    window = opened(of)
    s = row(of)
    s.single = True
    s.silence()
    settling.end(window)
    assert (keeping.asked, keeping.gone) == ([], [])


def test_what_its_client_ends_lives_on_in_a_window(of: Socket, keeping: Keeping) -> None:
    opened(of)
    s = row(of)
    s.single = True
    settling.stop_single(s)
    assert (s.single, keeping.gone) == (False, [])


def test_lowest_row_is_cut_and_raises_the_floor(of: Socket, keeping: Keeping) -> None:
    window = opened(of, limit=1)
    low, high = row(of, 1), row(of, 2)
    assert (window.floor, window.members, keeping.gone) == (1, [high], [low])
    assert low.state is State.ENDED
    assert high.windows == {window}


def test_few_rows_with_more_below_are_filled_up(of: Socket, keeping: Keeping) -> None:
    window = opened(of, limit=2, where=True)
    row(of, 1), row(of, 2)
    last = row(of, 3)
    changed(last)
    changed(window.members[0])
    assert keeping.asked == [window]


def test_that_there_is_more_is_told_though_what_enters_can_no_longer_be_shown(of: Socket) -> None:
    window = opened(of, limit=1)
    window.due = False
    row(of, pk=2)
    s = subscription(of, pk=3)
    s.single = False
    s.put(frame(1, '{"title":"A"}', key=s.key))
    assert '"LEFT"' in of.mailbox.take()[0]  # the other one was cut; this one waits
    s.state = State.UNAVAILABLE
    s.put(frame(2, None, key=s.key))
    found = texts(of)
    assert '"type":"MORE"' in found
    assert '"more":true' in found


def test_window_says_nothing_more_to_a_closing_socket(of: Socket) -> None:
    window = opened(of)
    of.mailbox.close(1000)  # type: ignore[arg-type]
    settling.announce(window)
    assert texts(of) == ""


def test_replaced_window_does_not_take_its_successor_with_it(of: Socket) -> None:
    old = opened(of)
    new = opened(of)
    settling.end(old)
    assert of.windows == {"w": new}


def test_window_that_was_ended_tells_nobody_of_what_left(of: Socket, keeping: Keeping) -> None:
    window = opened(of, where=True)
    s = row(of)
    of.mailbox._wake = lambda: None
    changed(s)
    window.state = WindowState.ENDED
    assert texts(of) == ""


@pytest.mark.parametrize("listed", [True, False])
def test_end_of_what_its_client_has_ended_is_told_to_windows_alone(
    of: Socket, keeping: Keeping, listed: bool
) -> None:
    if listed:
        opened(of)
    s = row(of)
    answered(s)
    s.end()
    of.mailbox.forget(s.key)
    left = f'{{"type":"LEFT","model":"{MODEL}","id":"{s.id}","window":"w"}}'
    assert texts(of) == (left if listed else "")


def answered(s: Subscription) -> None:
    """Its client has asked for it by id, and was answered."""
    s.single = True
    assert s.asked is not None
    s.asked.known = True


def lose(s: Subscription, how: str) -> None:
    """The client has no reason any more to keep what it holds of the row."""
    if how == "left":
        changed(s)
    elif how == "gone":
        s.end()
    elif how == "unsubscribed":
        settling.stop_single(s)
    else:
        settling.end(s.socket.windows["one"])
    texts(s.socket)


@pytest.mark.parametrize("how", ["left", "gone", "unsubscribed", "window ended"])
def test_what_a_client_may_have_forgotten_enters_with_its_payload(
    of: Socket, keeping: Keeping, how: str
) -> None:
    """It named the payload when it opened the second window, and was told to forget it since."""
    opened(of, "one", where=True)
    s = row(of)
    if how != "left":
        answered(s)
    two = opened(of, "two")
    two.state, two.have = WindowState.PENDING, {s.id: "viewer:{}"}
    lose(s, how)
    two.state = WindowState.LIVE
    again = subscription(of)
    again.single = False
    again.put(frame(3, "{}", key=s.key))
    assert '"payload":{}' in texts(of)


def test_only_what_shows_the_state_is_compared(of: Socket, keeping: Keeping) -> None:
    shown: list[str] = []
    opened(of)
    opened(of, "some", where=True)
    of.mailbox.delivered = lambda s, frame, text: shown.append(text)
    s = row(of)
    changed(s)
    assert '"LEFT"' in texts(of)
    kinds = [json.loads(text)["type"] for text in shown]
    assert kinds == ["ENTERED", "ENTERED", "UPDATE_DOCUMENT"]
