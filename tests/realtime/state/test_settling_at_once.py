"""What enters at once, while thousands do, is told and held as what goes the whole way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from realtime.state import fence
from realtime.state.sockets import Socket
from realtime.state.subscriptions import State, Subscription
from realtime.state.windows import Window, WindowState
from tests.realtime.pieces import MODEL, frame, socket
from tests.realtime.state.test_settling import Keeping

BODY = '{"title":"A"}'


def opened(of: Socket, name: str = "w", **said: Any) -> Window:
    """A live window that was answered."""
    window = Window(of, MODEL, name, **{"limit": 3, **said})
    window.state, window.due = WindowState.LIVE, False
    of.windows[name] = window
    return window


def new_row(of: Socket, pk: int) -> Subscription:
    s = Subscription(of, frame().key._replace(pk=pk), f"id{pk}", single=False)
    of.subscriptions[s.key] = s
    return s


def taking(said: list[str]) -> Callable[[str], bool]:
    """A server that takes every text at once."""

    def take(text: str) -> bool:
        said.append(text)
        return True

    return take


def place(s: Subscription, version: int = 1) -> None:
    s.audience = "viewer"
    fence.take(s, State.LIVE, frame(version, BODY, key=s.key), None, 0)


FILTERS: Any = {"where": (("title", ("B",)),), "fields": ("title",), "matches": lambda _: False}
HOWS: dict[str, dict[str, Any]] = {
    "plain": {},
    "full": {"limit": 2},
    "filters": FILTERS,
    "more below": {"floor": 1, "told_more": True},
    "not answered": {"due": True},
    "not listed": {"state": WindowState.PENDING},
    "another model": {"model": "resources.profile"},
}


def scene(window: Window, *, ready: bool, single: bool = False) -> tuple[list[str], list[Any]]:
    """What the client is told while three objects come, and what is held at last; `ready` says
    whether the server takes texts at once."""
    of = window.socket
    said: list[str] = []
    of.mailbox.send_now = taking(said) if ready else lambda text: False
    rows = [new_row(of, pk) for pk in (2, 1, 3)]
    for s in rows:
        s.single = single
        place(s)
        while of.mailbox:
            said += of.mailbox.take()
    state = [(s.state, s.version, s.sent, s.slot, len(s.windows), len(s.entered)) for s in rows]
    held = [window.floor, [s.key.pk for s in window.members], [s.key.pk for s in window._told]]
    rest = [len(window.entering), of.mailbox.held, sorted(of.subscriptions)]
    return sorted(said), [state, held, rest]


@pytest.mark.parametrize("how", HOWS)
def test_what_enters_at_once_is_as_what_goes_the_whole_way(how: str) -> None:
    told = []
    for ready in (True, False):
        of = socket()
        of.keeper = Keeping()
        said = {name: HOWS[how][name] for name in ("limit", *FILTERS) if name in HOWS[how]}
        window = opened(of, **said)
        for name in HOWS[how].keys() - said.keys():
            setattr(window, name, HOWS[how][name])
        told.append(scene(window, ready=ready))
    assert told[0] == told[1]


@pytest.mark.parametrize("single", [True, False])
def test_what_is_asked_for_by_id_too_or_in_two_windows_goes_the_whole_way(single: bool) -> None:
    told = []
    for ready in (True, False):
        of = socket()
        of.keeper = Keeping()
        if not single:
            opened(of, "v")
        told.append(scene(opened(of), ready=ready, single=single))
    assert told[0] == told[1]


def test_what_enters_a_single_window_waits_for_nothing() -> None:
    of = socket()
    said: list[str] = []
    opened(of)
    of.mailbox.send_now = taking(said)
    of.mailbox.delivered = lambda s, frame, text: said.append(f"compared with {s.key.pk}")
    place(new_row(of, 1))
    entered = said[0]
    assert '"type":"ENTERED"' in entered
    assert said == [entered, "compared with 1"]


def test_what_cannot_be_shown_and_what_has_to_wait_goes_the_whole_way() -> None:
    of = socket()
    of.keeper = Keeping()
    window = opened(of)
    of.mailbox.send_now = lambda text: pytest.fail(text)
    of.mailbox.answer("first")
    place(new_row(of, 1))
    unshown = new_row(of, 2)
    fence.take(unshown, State.UNAVAILABLE, frame(1, None, key=unshown.key), None, 0)
    assert [s.key.pk for s in window.members] == [1, 2]
    assert of.mailbox.take() == ["first"]
    assert '"ENTERED"' in of.mailbox.take()[0]


def test_what_is_kept_and_newer_enters_instead_of_what_was_read() -> None:
    of = socket()
    said: list[str] = []
    of.keeper = Keeping()
    opened(of)
    of.mailbox.send_now = taking(said)
    s = new_row(of, 1)
    s.audience = "viewer"
    newer = frame(2, '{"title":"Newer"}', key=s.key)
    fence.take(s, State.LIVE, frame(1, BODY, key=s.key), newer, 0)
    assert (s.version, len(said)) == (2, 1)
    assert "Newer" in said[0]
