"""How a long command tells how far it has come."""

from __future__ import annotations

from io import StringIO

from django.core.management.base import OutputWrapper

from project.console.progress import Progress


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def told(out: StringIO, total: int, *rows: int) -> str:
    progress = Progress(total, OutputWrapper(out))
    for number in rows:
        progress.add(number)
    progress.end()
    return out.getvalue()


def test_terminal_has_one_line_that_grows() -> None:
    said = told(Terminal(), 4_000, 0, 1_000, 1_000, 1, 1_999)
    lines = said.split("\r")
    assert lines[0] == ""
    assert [line.split("] ")[1] for line in lines[1:]] == [
        "0 %, 0 rows",
        "25 %, 1,000 rows",
        "50 %, 2,000 rows",
        "99 %, 4,000 rows",
        "100 %, 4,000 rows\n",
    ]
    assert [line.count("#") for line in lines[1:]] == [0, 7, 15, 29, 30]
    assert {line.index("]") for line in lines[1:]} == {31}


def test_elsewhere_a_line_is_written_now_and_then() -> None:
    assert told(StringIO(), 100, *[1] * 45).splitlines() == [
        "0 %, 1 rows",
        "10 %, 10 rows",
        "20 %, 20 rows",
        "30 %, 30 rows",
        "40 %, 40 rows",
        "100 %, 45 rows",
    ]


def test_more_than_was_counted_is_not_done_before_the_end() -> None:
    assert told(StringIO(), 1, 5, 5).splitlines() == ["90 %, 5 rows", "100 %, 10 rows"]
    assert told(StringIO(), 0, 1).splitlines() == ["90 %, 1 rows", "100 %, 1 rows"]
