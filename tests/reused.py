"""SQLite's connections to the tests' database, which stay open when Django closes them.

Each new one would read and parse all tables and triggers before its first statement: longer than
most tests take.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper

from realtime.capture.transactions import FUNCTION

LEFT = "SELECT 1 FROM sqlite_temp_master WHERE name <> 'earshot_transaction'"


class Reused:
    """Opened connections to one file that nobody uses now, by what they were opened with."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._idle: dict[str, list[sqlite3.Connection]] = {}

    def take(self, params: dict[str, Any]) -> sqlite3.Connection | None:
        """One that is as it was when it was opened, if there is one."""
        if idle := self._idle.get(repr(params)):
            try:
                return idle.pop()
            except IndexError:  # another thread was faster
                return None
        return None

    def give(self, params: dict[str, Any], connection: sqlite3.Connection) -> None:
        """Keep it for the next one, unless something is left in it."""
        try:
            connection.rollback()
            connection.isolation_level = None
            connection.create_function(FUNCTION, 1, None)  # fails while a statement still reads
            left = connection.execute(LEFT).fetchone()
        except sqlite3.Error:
            left = True
        if left:
            connection.close()
        else:
            self._idle.setdefault(repr(params), []).append(connection)

    def close(self) -> None:
        """Close those that nobody uses."""
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()


@contextmanager
def reused(path: str, patch: pytest.MonkeyPatch) -> Iterator[Reused]:
    """Within the block, connections to this file are opened as often as there are at once."""
    kept = Reused(path)
    opening: Any = DatabaseWrapper.get_new_connection
    running = Thread.run
    closing: Any = DatabaseWrapper._close  # type: ignore[attr-defined]

    def get_new_connection(self: Any, params: dict[str, Any]) -> Any:
        ours = str(params["database"]) == path
        return (ours and kept.take(params)) or opening(self, params)

    def close(self: Any) -> None:
        if self.connection is None or str(self.settings_dict["NAME"]) != path:
            closing(self)
        else:
            kept.give(self.get_connection_params(), self.connection)

    def run(self: Thread) -> None:
        try:
            running(self)
        finally:
            connections.close_all()  # else they are gone with the thread

    patch.setattr(Thread, "run", run)
    patch.setattr(DatabaseWrapper, "get_new_connection", get_new_connection)
    patch.setattr(DatabaseWrapper, "_close", close)
    try:
        yield kept
    finally:
        kept.close()
