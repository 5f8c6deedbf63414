"""How far a long command has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from typing import Any, Final

WIDTH: Final = 30
RARELY: Final = 10
"""Where lines stay, one is written for so many percent."""


class Progress:
    """Tells how many of `total` rows are done; there may turn out to be more or fewer."""

    def __init__(self, total: int, stream: Any) -> None:
        self._total, self._stream = total, stream
        self._done, self._told = 0, -1
        self._step = 1 if stream.isatty() else RARELY

    def add(self, rows: int) -> None:
        """So many more are done."""
        self._done += rows
        percent = min(99, self._done * 100 // max(1, self._total))
        self._tell(percent - percent % self._step)

    def end(self) -> None:
        """All are done."""
        self._tell(100)

    def _tell(self, percent: int) -> None:
        if percent <= self._told:
            return
        self._told = percent
        text = f"{percent} %, {self._done:,} rows"
        if self._stream.isatty():
            bar = "#" * (WIDTH * percent // 100)
            text = f"\r[{bar:<{WIDTH}}] {text}"
        self._stream.write(text, ending="" if self._stream.isatty() and percent < 100 else "\n")
        self._stream.flush()
