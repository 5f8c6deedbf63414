"""What goes out of one socket; over real ones in `test_conversation.py` and `test_wire.py`."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import pytest

from realtime.state.codes import Close
from realtime.state.mailbox import Mailbox
from realtime.state.subscriptions import Subscription, Waiting
from realtime.transport.sender import Sender
from realtime.transport.transport import Transport
from tests.realtime.pieces import frame, subscription


class Taking:
    """A transport, and the socket that counts, that take everything; in order."""

    ready = True
    limits: ClassVar = {"socket_bytes": 2**20}

    def __init__(self) -> None:
        self.written: list[str] = []
        self.counted: list[str] = []

    def write_now(self, text: str) -> None:
        self.written.append(text)

    def buffered(self) -> int:
        return 0

    def sent(self, text: str) -> int:
        self.counted.append(text)
        return len(text)


def wired() -> tuple[Mailbox, Taking]:
    """A sender's mailbox and what takes its texts."""
    taking = Taking()
    sender = Sender("name", cast("Transport", taking), 1, lambda: None)
    sender.serve(cast("Any", taking))
    return sender.mailbox, taking


async def test_what_the_wire_takes_is_sent_at_once_and_counted() -> None:
    mailbox, taking = wired()
    mailbox.answer("one")
    mailbox.answer("two")
    assert taking.written == taking.counted == ["one", "two"]


async def test_a_state_that_equals_what_was_sent_sends_nothing() -> None:
    mailbox, taking = wired()
    s = subscription()
    s.socket.mailbox = mailbox
    s.sent = frame(1).digest
    s.put(frame(2))
    assert taking.written == []
    assert s.sent == frame(2).digest


def updated(after: str = "{}") -> tuple[Mailbox, Taking, Subscription]:
    """A subscription that was sent its first version, in front of a wire that takes everything."""
    mailbox, taking = wired()
    s = subscription()
    s.socket.mailbox = mailbox
    s.sent = frame(1, after).digest
    return mailbox, taking, s


async def test_update_is_sent_without_being_queued() -> None:
    mailbox, taking, s = updated()
    mailbox._wake = never_woken
    newer = frame(2, '"B"')
    s.put(newer)
    assert taking.written == taking.counted == [newer.update_text(s.id)]
    assert (s.slot, s.sent, mailbox.held) == (None, newer.digest, 0)


def never_woken() -> None:
    raise AssertionError("nothing waits")


async def test_update_comes_after_what_waits() -> None:
    mailbox, taking, s = updated()
    taking.ready = False
    mailbox._wake = lambda: None
    mailbox.answer("an answer")
    taking.ready = True
    s.put(frame(2, '"B"'))
    assert taking.written == []
    assert mailbox.take() == ["an answer"]
    assert mailbox.take() == [frame(2, '"B"').update_text(s.id)]


async def test_update_waits_while_the_server_takes_nothing() -> None:
    mailbox, taking, s = updated()
    taking.ready = False
    mailbox._wake = lambda: None
    s.put(frame(2, '"B"'))
    assert taking.written == []
    assert len(mailbox) == 1


async def test_queued_state_that_came_back_sends_nothing() -> None:
    mailbox, taking, s = updated()
    taking.ready = False
    wake, mailbox._wake = mailbox._wake, lambda: None
    s.put(frame(2, '"B"'))
    s.put(frame(3))
    taking.ready = True
    wake()
    assert taking.written == []
    assert len(mailbox) == 0


@pytest.mark.parametrize("why", ["audience", "nothing", "told", "asked", "closing", "unavailable"])
async def test_what_is_no_mere_update_goes_the_whole_way(why: str) -> None:
    mailbox, taking, s = updated()
    mailbox._wake = lambda: None
    newer = frame(2, None if why == "unavailable" else '"B"')
    if why == "audience":
        s.sent = frame(1, audience="editor").digest
    elif why == "nothing":
        s.sent = None
    elif why == "told":
        s.told = True
    elif why == "asked":
        s.ask(Waiting("ref", None))
    elif why == "closing":
        mailbox.finish(Close.GOING_AWAY)
    s.put(newer)
    assert taking.written == []
    assert len(mailbox) == (0 if why == "closing" else 1)
