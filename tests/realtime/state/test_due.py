"""What was looked at longest ago comes first."""

from __future__ import annotations

from math import inf

from realtime.state.due import Due


def test_those_looked_at_longest_ago_come_first() -> None:
    due: Due[str] = Due()
    assert due.oldest == inf
    due.looked_at(["a", "b"], 1.0)
    due.looked_at(["c"], 2.0)
    due.looked_at(["a"], 3.0)
    assert due.oldest == 1.0
    assert due.before(3.0, 5) == ["b", "c", "a"]
    assert due.before(2.5, 5) == ["b", "c"]
    assert due.before(3.0, 1) == ["b"]


def test_what_is_gone_is_not_due() -> None:
    due: Due[str] = Due()
    due.looked_at("ab", 1.0)
    due.forget("a")
    due.forget("c")
    assert due.before(1.0, 5) == ["b"]
