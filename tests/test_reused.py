"""A connection that the tests keep open is as a new one, or it is closed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django import db

from realtime.capture.transactions import FUNCTION
from tests.databases import only_on
from tests.reused import Reused

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


def opened(file: Reused) -> sqlite3.Connection:
    connection = sqlite3.connect(file.path, isolation_level=None, check_same_thread=False)
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


def read_half(connection: sqlite3.Connection) -> Any:
    cursor = connection.execute("SELECT n FROM t")
    cursor.fetchone()
    return cursor


def make_a_table(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TEMP TABLE saved (n)")


@pytest.mark.parametrize("leave", [read_half, make_a_table, sqlite3.Connection.close])
def test_one_in_which_something_is_left_is_closed(
    file: Reused, leave: Callable[[sqlite3.Connection], Any]
) -> None:
    connection = opened(file)
    left = leave(connection)
    file.give(PARAMS, connection)
    assert file.take(PARAMS) is None
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        rows(connection)
    del left


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
