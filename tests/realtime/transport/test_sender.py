"""What goes out of one socket; over real connections in `test_consumers.py` and `test_wires.py`."""

from __future__ import annotations

from typing import Any, cast

from realtime.state.mailbox import Mailbox
from realtime.transport.sender import Sender
from realtime.transport.wire import Wire
from tests.realtime.pieces import frame, subscription


class Taking:
    """A wire, and the socket that counts, that take everything; in order."""

    ready = True

    def __init__(self) -> None:
        self.written: list[str] = []
        self.counted: list[str] = []

    def write(self, text: str) -> None:
        self.written.append(text)

    def sent(self, text: str) -> int:
        self.counted.append(text)
        return len(text)


async def never(event: dict[str, Any]) -> None:
    raise AssertionError("a wire that is ready needs no send")


def wired() -> tuple[Mailbox, Taking]:
    """A sender's mailbox and what takes its texts."""
    sender, taking = Sender("name", never, 1, lambda: None), Taking()
    sender._wire, sender._socket = cast("Wire", taking), cast("Any", taking)
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
