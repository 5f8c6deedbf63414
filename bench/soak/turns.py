"""Turns: writers act while they are allowed to, and can be brought to rest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Ended(Exception):
    """There will be no more turns."""


class Turns:
    """Many take turns at once; `rest` returns when none is under way, until `go`."""

    def __init__(self) -> None:
        self._state = threading.Condition()
        self._open = False
        self._under_way = 0
        self.ended = threading.Event()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Act, as soon as one may; raises Ended."""
        with self._state:
            self._state.wait_for(lambda: self._open or self.ended.is_set())
            if self.ended.is_set():
                raise Ended
            self._under_way += 1
        try:
            yield
        finally:
            with self._state:
                self._under_way -= 1
                self._state.notify_all()

    def go(self) -> None:
        """Let writers act."""
        with self._state:
            self._open = True
            self._state.notify_all()

    def rest(self) -> None:
        """Let nobody begin, and wait for those who have."""
        with self._state:
            self._open = False
            self._state.wait_for(lambda: not self._under_way or self.ended.is_set())

    def end(self) -> None:
        """No more turns; whoever waits for one hears it."""
        self.ended.set()
        with self._state:
            self._state.notify_all()
