"""How much one snapshot of a round reads."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from permissions.read import Pair
from permissions.representation import ObjectKey
from realtime.hub import reading
from realtime.hub.reading import Reads, at_once, in_pieces
from realtime.state.windows import Window
from tests.realtime.pieces import MODEL, socket, subscription


def pairs(readers: int, objects: int) -> list[Pair]:
    keys = [ObjectKey(MODEL, pk) for pk in range(objects)]
    return [(user_id, key) for key in keys for user_id in range(readers)]


def test_readers_of_an_object_are_read_at_once() -> None:
    assert len(at_once(pairs(7, 3), itemgetter(1), 2)) == 14
    assert len(at_once(pairs(7, 1), itemgetter(1), 2)) == 7


def test_readers_are_bounded_too() -> None:
    assert len(at_once(pairs(50, 1), itemgetter(1), 2)) == 20


def test_lists_are_read_for_about_so_many_rows() -> None:
    windows = [Window(socket(), MODEL, str(n), limit=100) for n in range(5)]
    assert list(in_pieces(windows, 200)) == [windows[:2], windows[2:4], windows[4:]]


async def test_what_an_access_change_touches_is_read_with_few_snapshots() -> None:
    asked: list[int] = []

    async def run(work: Any, *args: Any) -> Any:
        _, wanted, _ = args
        assert work is reading.read_pairs
        asked.append(len(wanted))
        return 5, dict.fromkeys(wanted)

    reads = Reads(1, run, 2, set)
    of = [socket(user_id) for user_id in range(7)]
    touched = [subscription(each, pk=pk) for pk in range(3) for each in of]
    await reads.also(touched, [])
    assert asked == [14, 7]
    assert (reads.highest, len(reads.seen)) == (5, 21)
