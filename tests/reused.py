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
from weakref import ref

import pytest
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper

from realtime.capture.transactions import FUNCTION

LEFT = "SELECT 1 FROM sqlite_temp_master WHERE name <> 'earshot_transaction'"


class Lasting(sqlite3.Connection):
    """One whose statements stay compiled, with all their triggers, however often it is reused.

    SQLite compiles them anew where a function is defined once more, so what ours does is changed,
    and not defined. That it may be changed, since nobody reads any more, is seen to by the cursors.
    """

    MANY = 100
    """So many cursors are looked through for those that are gone."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        # No set of weak references: it hears of each that goes, and fails at the end of the stack.
        self._cursors: list[ref[sqlite3.Cursor]] = []
        self._does: list[Any] = []

    def create_function(self, name: str, narg: int, func: Any, **how: Any) -> None:
        """Define a function, or change what ours does."""
        if name != FUNCTION:
            super().create_function(name, narg, func, **how)
            return
        if not self._does:
            does = self._does = [func]
            super().create_function(name, narg, lambda *args: does[0](*args), **how)
        self._does[0] = func

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        """A cursor, which ends with the connection's use."""
        cursor = super().cursor(factory)
        if len(self._cursors) >= self.MANY:
            self._cursors = [each for each in self._cursors if each() is not None]
        self._cursors.append(ref(cursor))
        return cursor

    def execute(self, *args: Any) -> Any:
        """The same by a cursor of its own, which would be none of these."""
        return self.cursor().execute(*args)

    def rest(self) -> None:
        """End whatever still reads."""
        for each in self._cursors:
            if cursor := each():
                cursor.close()
        self._cursors.clear()
        if self._does:
            self._does[0] = None


class Reused:
    """Opened connections to one file that nobody uses now, by what they were opened with."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._idle: dict[str, list[Lasting]] = {}

    def take(self, params: dict[str, Any]) -> Lasting | None:
        """One that is as it was when it was opened, if there is one."""
        if idle := self._idle.get(repr(params)):
            try:
                return idle.pop()
            except IndexError:  # another thread was faster
                return None
        return None

    def give(self, params: dict[str, Any], connection: Lasting) -> None:
        """Keep it for the next one, unless something is left in it."""
        try:
            connection.rest()
            connection.rollback()
            connection.isolation_level = None
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
        if not ours:
            return opening(self, params)
        return kept.take(params) or opening(self, {**params, "factory": Lasting})

    def close(self: Any) -> None:
        if isinstance(self.connection, Lasting) and str(self.settings_dict["NAME"]) == path:
            kept.give(self.get_connection_params(), self.connection)
        else:
            closing(self)

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
