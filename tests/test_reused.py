"""A connection that the tests keep open is as a new one, or it is closed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any
from weakref import getweakrefs

import pytest
from django import db

from realtime.capture.transactions import FUNCTION
from tests.databases import only_on
from tests.reused import Lasting, Reused

PARAMS = {"timeout": 5.0}


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Reused]:
    """A file with one table, to which connections are kept."""
    kept = Reused(str(tmp_path / "db.sqlite3"))
    with closing(opened(kept)) as connection:
        connection.execute("CREATE TABLE t (n)")
        connection.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
    yield kept
    kept.close()


def opened(file: Reused) -> Lasting:
    connection = Lasting(file.path, isolation_level=None, check_same_thread=False)
    connection.create_function(FUNCTION, 1, int)  # as everyone that Django opens has it
    return connection


def rows(connection: sqlite3.Connection) -> list[Any]:
    return connection.execute("SELECT n FROM t").fetchall()


def test_who_opens_one_like_it_gets_it_and_nobody_twice(file: Reused) -> None:
    connection = opened(file)
    file.give(PARAMS, connection)
    assert file.take({"timeout": 6.0}) is None
    assert file.take(PARAMS) is connection
    assert file.take(PARAMS) is None
    connection.close()


def test_transaction_that_nobody_ended_is_undone(file: Reused) -> None:
    connection = opened(file)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM t")
    file.give(PARAMS, connection)
    with closing(opened(file)) as other:
        other.execute("BEGIN IMMEDIATE")  # and holds up nobody
        assert rows(other) == [(1,), (2,)]
    assert file.take(PARAMS) is connection
    connection.close()


def test_what_reads_half_of_the_rows_reads_no_more(file: Reused) -> None:
    """Else the next one would read what was there before it began."""
    connection = opened(file)
    connection.execute("PRAGMA journal_mode = WAL")
    cursor = connection.execute("SELECT n FROM t")
    cursor.fetchone()
    file.give(PARAMS, connection)
    with closing(opened(file)) as other:
        other.execute("DELETE FROM t WHERE n = 2")
    assert file.take(PARAMS) is connection
    assert rows(connection) == [(1,)]
    with pytest.raises(sqlite3.ProgrammingError, match="closed cursor"):
        cursor.fetchone()
    connection.close()


def test_cursors_that_are_gone_are_forgotten_and_tell_nobody(file: Reused) -> None:
    connection = opened(file)
    kept = connection.cursor()
    [known] = getweakrefs(kept)
    assert known.__callback__ is None
    for _ in range(10 * Lasting.MANY):
        connection.execute("SELECT 1").fetchone()
    assert known in connection._cursors
    assert len(connection._cursors) <= Lasting.MANY
    connection.close()


def test_function_is_that_of_who_has_it_now_and_is_defined_once(file: Reused) -> None:
    connection = opened(file)
    asks = f"SELECT {FUNCTION}(2)"
    assert connection.execute(asks).fetchone() == (2,)
    file.give(PARAMS, connection)
    with pytest.raises(sqlite3.OperationalError):
        connection.execute(asks).fetchone()
    connection.create_function(FUNCTION, 1, lambda number: number + 1)
    reading = connection.execute("SELECT n FROM t")  # SQLite defines none again meanwhile
    connection.create_function(FUNCTION, 1, lambda number: number + 2)
    assert connection.execute(asks).fetchone() == (4,)
    reading.close()
    connection.create_function("twice", 1, lambda number: 2 * number)
    assert connection.execute("SELECT twice(2)").fetchone() == (4,)
    connection.close()


def make_a_table(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TEMP TABLE saved (n)")


def test_one_that_has_no_function_yet_gets_it(file: Reused) -> None:
    connection = Lasting(file.path, isolation_level=None)
    file.give(PARAMS, connection)
    assert file.take(PARAMS) is connection
    connection.create_function(FUNCTION, 1, int)
    assert connection.execute(f"SELECT {FUNCTION}(2)").fetchone() == (2,)
    connection.close()


@pytest.mark.parametrize("leave", [make_a_table, sqlite3.Connection.close])
def test_one_in_which_something_is_left_is_closed(
    file: Reused, leave: Callable[[sqlite3.Connection], None]
) -> None:
    connection = opened(file)
    leave(connection)
    file.give(PARAMS, connection)
    assert file.take(PARAMS) is None
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        rows(connection)


@only_on("sqlite", "PostgreSQL's connections are quickly made.")
@pytest.mark.django_db
def test_thread_that_ends_leaves_its_connection_to_the_next() -> None:
    used: list[Any] = []

    def ask() -> None:
        db.connection.ensure_connection()
        used.append(db.connection.connection)

    for _ in range(2):
        thread = Thread(target=ask)
        thread.start()
        thread.join()
    assert used[0] is used[1]
