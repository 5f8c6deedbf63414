"""What a client is told of an object's state, given what it was told before. No I/O.

What is equal is decided here, when the state is taken: UPDATE and AUDIENCE_CHANGED go out once for
a socket and object, then the object enters and leaves windows.
"""

from __future__ import annotations

from collections.abc import Iterator

from realtime.state import messages
from realtime.state.codes import Error
from realtime.state.frames import Frame
from realtime.state.subscriptions import Gone, Subscription
from realtime.state.windows import Window, WindowState, forgotten


def gone(s: Subscription, slot: Gone | None) -> list[str]:
    """Return the texts for an object that is gone, or that only leaves windows."""
    texts = [] if slot is None or not s.single else _ended(s)
    if texts and s.socket.windows:
        forgotten(s)
    return [*texts, *_moved(s, _left(s))]


def _ended(s: Subscription) -> list[str]:
    model, id = s.key.model, s.id
    texts = [
        messages.error(Error.NOT_FOUND, waiting.ref, model=model, id=id) for waiting in s.waiting
    ]
    s.settle(len(s.waiting))
    if s.asked is not None and s.asked.known:
        s.asked.known, s.sent = False, None
        texts.append(messages.deleted(model, id))
    return texts


def state(s: Subscription, frame: Frame) -> list[str]:
    """Return the texts for a state that the client is to have."""
    if not frame.available:
        texts = _unavailable(s) if s.single else []
        s.told = True
        return [*texts, *_moved(s, _left(s))]
    before, s.sent = s.sent, frame.digest
    told, s.told = s.told, False
    seen = frame.seen
    assert seen.body is not None
    if s.asked is not None and s.asked.waiting:
        waiting = s.asked.waiting[0]
        s.settle(1)
        s.asked.known = True
        body = None if waiting.etag == seen.etag else seen.body
        return [messages.subscribed(s.key.model, s.id, seen.audience, seen.etag, body, waiting.ref)]
    texts = []
    if s.single or (s.entered and s.windows):  # else it is not theirs, or about to leave
        if before is None or before.audience != seen.audience:
            texts.append(
                messages.audience_changed(s.key.model, s.id, seen.audience, seen.etag, seen.body)
            )
        elif told or before.etag != seen.etag:
            texts.append(frame.update_text(s.id))
    if not s.moves:  # nearly always
        return texts
    return [*texts, *_moved(s, [*_entered(s, frame), *_left(s)])]


def shows(text: str) -> bool:
    """Return whether one of these texts shows the state, and not only what follows for windows."""
    return '"audience":"' in text


def _unavailable(s: Subscription) -> list[str]:
    """Said once, and to each subscribe once, which is answered when the object can be shown."""
    ref = messages.NO_REF
    if s.asked is not None and s.unanswered:
        ref = s.asked.waiting[s.asked.answered].ref
        s.asked.answered += 1
    elif s.told:
        return []
    return [messages.error(Error.UNAVAILABLE, ref, model=s.key.model, id=s.id)]


# Windows.


def _entered(s: Subscription, frame: Frame) -> list[tuple[Window, str]]:
    """The windows that the client has to be told that the object has entered, each with the text.

    A client that named this payload when it opened the window is not sent it, if it comes first.
    """
    texts = []
    for window in s.windows - s.entered:
        known = window.has(s, frame.seen.etag)
        before = window.below(s)
        window.enter(s)
        if known:
            text = messages.in_window(_without_payload(s, frame), window.name, before)
        else:
            text = frame.in_window_text(s.id, window.name, before)
        texts.append((window, text))
    return texts


def _without_payload(s: Subscription, frame: Frame) -> str:
    return messages.entered(s.key.model, s.id, frame.seen.audience, frame.seen.etag, None)


def _left(s: Subscription) -> list[tuple[Window, str]]:
    """The windows that the client has to be told that the object has left, each with the text."""
    stays = s.windows if s.available else frozenset()
    texts = []
    for window in s.entered - stays:
        forgotten(s)
        window.leave(s)
        if window.state is not WindowState.ENDED:
            texts.append((window, messages.left(s.key.model, s.id, window.name)))
    return texts


def _moved(s: Subscription, moves: list[tuple[Window, str]]) -> Iterator[str]:
    """Yield these texts, and what follows from them for their windows."""
    for _, text in moves:
        yield text
    for window in dict.fromkeys(window for window, _ in moves):
        news = window.news()
        if news is not None:
            yield news
