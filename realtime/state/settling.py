"""Settling: which windows hold a row, decided again after each write of its slot. No I/O.

It follows from the row's newest state and the windows' ranges alone, and not from what a list said:
else a list would throw out what a newer frame let in. Nothing may be awaited inside.
"""

from __future__ import annotations

from collections.abc import Iterable

from realtime.state.frames import Frame
from realtime.state.subscriptions import State, Subscription
from realtime.state.windows import Window, WindowState, forgotten


def of(s: Subscription) -> list[Window]:
    """Return the windows of the row's socket that are of its model."""
    return [w for w in s.socket.windows.values() if w.model == s.key.model]


def settle(s: Subscription) -> None:
    """Decide which windows hold the row now; let go what nobody wants. No await may be inside.

    A window that has too many rows then drops its lowest one; one that has too few is read again.
    """
    windows = of(s)
    learn(s, windows)
    for window in windows:
        before = window.standing
        if window.holds(s):
            window.admit(s)
            if s.state is State.LIVE and s.available and window not in s.entered:
                window.entering.add(s)
            else:
                window.entering.discard(s)
        else:
            window.dismiss(s)
        lowest = window.cut()
        if window.short and not window.placing:
            s.socket.keeper.ask_window(window)
        if lowest is not None and lowest is not s:
            _release(lowest)
            lowest.tell()
        if window.standing != before:
            announce(window)
    if s.state is not State.PENDING:
        come(s)
    _release(s)


def enter_at_once(s: Subscription, frame: Frame) -> bool:
    """Let a new row, which is only in windows, enter the one window of its socket, and tell the
    client, if that is all there is to do; return whether it was.

    This is what happens to thousands of windows at once, and it touches as little as it can.
    """
    windows = s.socket.windows
    if len(windows) != 1 or s.sent is not None or frame.seen.body is None:
        return False
    for window in windows.values():
        if window.fits(s):
            text = frame.in_window_text(s.id, window.name, window.below(s))
            if s.socket.mailbox.send_at_once(s, frame, text):
                window.take_in(s)
                return True
    return False


def come(s: Subscription) -> None:
    """Let no window wait any more for a row that was read, or that is gone."""
    for window in of(s):
        if s in window.awaited:
            window.come(s)
            announce(window)


def learn(s: Subscription, windows: Iterable[Window], frame: Frame | None = None) -> None:
    """Note the values by which windows filter: of the state in the slot, or of an equal frame."""
    for window in windows:
        if window.fields:
            if frame is None and isinstance(s.slot, Frame):
                frame = s.slot
            if frame is not None and frame.available:
                s.values = frame.values(window.fields)
            return


def _release(s: Subscription) -> None:
    """Let go of a row that was read and that neither its client nor a window wants.

    A row dies with what it waits for: one of which something newer may come is read again.
    """
    if s.held or s.state not in (State.LIVE, State.UNAVAILABLE):
        return
    keeper = s.socket.keeper
    if keeper.reads(s):  # perhaps for a window that is not live yet
        s.begin_anew()
    elif keeper.waits(s) and any(w.inside(s.key.pk) for w in of(s)):
        s.begin_anew()
        keeper.ask([s])
    else:
        keeper.let_go(s)


def announce(window: Window) -> None:
    """Tell the client that the window is complete, or whether there is more, if that is new."""
    if window.socket.mailbox.closing is None:
        text = window.news()
        if text is not None:
            window.socket.mailbox.answer(text)


def end(window: Window) -> None:
    """End a window; its rows live on where something else wants them."""
    window.state = WindowState.ENDED
    socket = window.socket
    if socket.windows.get(window.name) is window:
        del socket.windows[window.name]
    for s in [s for s in socket.subscriptions.values() if s.key.model == window.model]:
        waited = s.state is State.PENDING
        window.dismiss(s)
        if window in s.entered:
            forgotten(s)
        s.entered -= {window}
        if waited and not s.single:
            _wait_elsewhere(s)
        elif not waited:
            _release(s)


def stop_single(s: Subscription) -> None:
    """End what the client asked for by id; return with the row living on for its windows."""
    s.settle(len(s.waiting))
    s.single = False
    forgotten(s)
    if s.state is State.PENDING:
        _wait_elsewhere(s)
    else:
        _release(s)


def _wait_elsewhere(s: Subscription) -> None:
    """A pending row that another window may hold is read again; another one is forgotten."""
    keeper = s.socket.keeper
    if any(w.inside(s.key.pk) for w in of(s)):
        keeper.ask([s])
    elif not keeper.reads(s):
        keeper.let_go(s)
