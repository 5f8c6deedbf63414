"""What waits of a stream's client, and what does not."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from realtime.transport.inbox import END, OVERHEAD, Inbox
from tests.realtime.wire import limit


@pytest.fixture(autouse=True)
def few(settings: Settings) -> None:
    limit(settings, body_bytes=100, frames_burst=2)


def noting() -> tuple[Inbox, list[str]]:
    """An inbox, and what is noted when it is flooded."""
    flooded: list[str] = []
    return Inbox(lambda: flooded.append("flooded")), flooded


async def test_frames_are_had_in_their_order_and_make_room_for_others() -> None:
    inbox, flooded = noting()
    for _ in range(3):
        inbox.put([b"a" * 50, b"b" * 50])
        assert [await inbox.next(), await inbox.next()] == [b"a" * 50, b"b" * 50]
    assert flooded == []


@pytest.mark.parametrize("frames", [[b"x" * (101 + OVERHEAD)], [b"a"] * 4], ids=["bytes", "many"])
async def test_too_much_that_waits_is_not_kept_and_told_once(frames: list[bytes]) -> None:
    inbox, flooded = noting()
    inbox.put(frames)
    inbox.put(frames)
    assert flooded == ["flooded"]
    inbox.end()
    assert await inbox.next() is END


async def test_nothing_is_kept_after_the_end() -> None:
    inbox, flooded = noting()
    inbox.put([b"before"])
    inbox.end()
    inbox.put([b"after"])
    inbox.end()
    assert await inbox.next() is END
    assert (inbox._frames.qsize(), flooded) == (0, [])
