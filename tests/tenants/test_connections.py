"""Connections of a PostgreSQL of these tests' own: whose they are, and how long they wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar
from unittest import mock
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import DataError, InterfaceError, OperationalError, ProgrammingError, connections
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg import errors, generators
from psycopg.types.datetime import TimestamptzLoader
from pytest_django import Settings

from project.settings import database
from tenants.connections import _reserved, bound, is_away, reserve
from tenants.postgresql import Bounded, NoAnswer
from tests.servers import Postgres, running

T = TypeVar("T")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running(Postgres) as postgres:
        yield postgres


@pytest.fixture
def served(
    db: None, postgres: Postgres, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Iterator[None]:
    """Threads that begin now connect to this PostgreSQL, by two connections each way."""
    few = {"database_connections": 2, "hub_connections": 2, "answer_seconds": 0.2}
    settings.EARSHOT = settings.EARSHOT | few
    config = {**connections.settings["default"], **database(postgres.url)}
    config["OPTIONS"]["pool"] |= {"max_size": 2, "timeout": 30.0}
    monkeypatch.setitem(connections.settings, "default", config)
    for backend in (DatabaseWrapper, _reserved(DatabaseWrapper)):
        monkeypatch.setattr(backend, "_connection_pools", {})
    yield
    on_threads(1, close_pool, reserve)
    on_threads(1, close_pool, lambda: None)


def close_pool() -> None:
    connection: Any = connections["default"]
    connection.close_pool()


def on_threads(number: int, work: Callable[[], T], begin: Callable[[], None]) -> list[T]:
    """Run on threads at once, each with connections of its own."""

    def alone(_: int) -> T:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(number, initializer=begin) as pool:
        return list(pool.map(alone, range(number)))


def ask(sql: str = "SELECT 1") -> Any:
    with connections["default"].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def hold(number: int, begin: Callable[[], None], then: Callable[[], T]) -> T:
    """Do something while threads that began so hold their connections."""
    with ThreadPoolExecutor(number, initializer=begin) as pool:
        barrier_passed = [pool.submit(_take) for _ in range(number)]
        wrappers = [taken.result(10) for taken in barrier_passed]
        try:
            return then()
        finally:
            for wrapper in wrappers:
                wrapper.inc_thread_sharing()
                wrapper.close()


def _take() -> Any:
    connection = connections["default"]
    ask()
    return connection


def test_requests_take_no_connection_of_those_that_serve_sockets(served: None) -> None:
    def none_left() -> str:
        pool: Any = connections["default"].pool  # type: ignore[attr-defined]
        pool.timeout = 0.1
        with pytest.raises(OperationalError) as error:
            ask()
        return type(error.value.__cause__).__name__

    def then() -> tuple[list[str], list[int]]:
        return on_threads(1, none_left, lambda: None), on_threads(2, ask, reserve)

    assert hold(2, lambda: None, then) == (["PoolTimeout"], [1, 1])


def test_reserved_connections_are_as_many_as_the_limit_says(served: None) -> None:
    def size() -> tuple[int, str]:
        connection: Any = connections["default"]
        return connection.pool.max_size, connection.alias

    assert on_threads(1, size, reserve) == [(2, "default")]
    config = connections.settings["default"]
    config["OPTIONS"]["pool"] = True
    assert on_threads(1, lambda: ask(), reserve) == [1]


def test_without_a_pool_each_thread_has_a_connection_anyway(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {k: v for k, v in connections.settings["default"]["OPTIONS"].items() if k != "pool"}
    config = {**connections.settings["default"], "OPTIONS": options}
    monkeypatch.setitem(connections.settings, "default", config)
    bound()
    assert "pool" not in config["OPTIONS"]
    [wrapper] = on_threads(1, lambda: type(connections["default"]).__name__, reserve)
    assert wrapper == "DatabaseWrapper"


def test_server_gives_up_a_statement_that_takes_long_and_goes_on(served: None) -> None:
    bound()

    def wait() -> tuple[str, int]:
        with pytest.raises(OperationalError) as error:
            ask("SELECT pg_sleep(60)")
        assert is_away(error.value)
        return type(error.value.__cause__).__name__, ask()

    assert on_threads(1, wait, lambda: None) == [("QueryCanceled", 1)]


def test_server_waits_for_a_lock_no_longer_than_for_an_answer(
    served: None, postgres: Postgres
) -> None:
    bound()

    def wait() -> str:
        with pytest.raises(OperationalError) as error:
            ask("SELECT pg_advisory_lock(1)")
        return type(error.value.__cause__).__name__

    with psycopg.connect(postgres.url.replace("postgres:", "postgresql:")) as holder:
        holder.execute("SELECT pg_advisory_lock(1)")
        assert on_threads(1, wait, lambda: None) == ["QueryCanceled"]


def test_server_that_lets_go_of_nothing_is_given_up(
    postgres: Postgres, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EARSHOT = settings.EARSHOT | {"answer_seconds": 0.1}
    monkeypatch.setattr("tenants.postgresql.CANCEL_SECONDS", 0.1)
    with Bounded.connect(postgres.url.replace("postgres:", "postgresql:")) as connection:
        monkeypatch.setattr(connection, "cancel_safe", lambda timeout: None)
        with pytest.raises(NoAnswer):
            connection.execute("SELECT pg_sleep(60)")
        assert connection.closed


def test_who_says_how_long_to_wait_is_obeyed(postgres: Postgres) -> None:
    with Bounded.connect(postgres.url.replace("postgres:", "postgresql:")) as connection:
        connection.pgconn.send_query(b"SELECT pg_sleep(60)")
        with pytest.raises(errors._WaitTimeout):
            connection.wait(generators.execute(connection.pgconn), timeout=0.05)
        connection.pgconn.finish()


def chained(error: Exception, cause: Exception | None) -> Exception:
    error.__cause__ = cause
    return error


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (OperationalError("x"), True),
        (InterfaceError("x"), True),
        (ProgrammingError("x"), False),
        (ValueError("x"), False),
        (None, False),
        (chained(OperationalError("x"), sqlite_error(sqlite3.SQLITE_BUSY)), True),
        (chained(OperationalError("x"), sqlite_error(sqlite3.SQLITE_ERROR)), False),
        (chained(OperationalError("x"), sqlite3.OperationalError("Could not decode")), False),
        (chained(OperationalError("x"), psycopg.OperationalError("x")), True),
        (chained(OperationalError("x"), errors.LockNotAvailable("x")), True),
        (chained(OperationalError("x"), errors.TooManyConnections("x")), True),
        (chained(OperationalError("x"), errors.ProgramLimitExceeded("x")), False),
    ],
)
def test_what_says_that_the_database_is_away(error: Exception | None, away: bool) -> None:
    assert is_away(error) is away


NOW = datetime(2026, 3, 1, 22, 30, 0, 120, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
@pytest.mark.usefixtures("served")
def test_times_are_those_that_django_reads(zone: str) -> None:
    def read() -> list[Any]:
        connection: Any = connections["default"]
        connection.settings_dict["TIME_ZONE"] = zone
        return [ask(f"SELECT '{text}'::timestamptz") for text in (NOW, "2026-03-01 22:30:00")]

    [(exact, whole)] = on_threads(1, read, lambda: None)
    assert exact == NOW
    assert whole == datetime(2026, 3, 1, 22, 30, tzinfo=ZoneInfo(zone))
    assert str(exact.tzinfo) == str(whole.tzinfo) == zone


@pytest.mark.usefixtures("served")
def test_times_in_utc_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a connection that comes out of the pool again."""
    slow = mock.Mock(side_effect=AssertionError)
    monkeypatch.setattr(TimestamptzLoader, "load", slow)
    found = [
        on_threads(1, lambda: ask(f"SELECT '{NOW}'::timestamptz"), lambda: None) for _ in range(2)
    ]
    assert found == [[NOW]] * 2


@pytest.mark.parametrize("text", ["infinity", "0044-03-15 BC", "20000-01-01"])
@pytest.mark.usefixtures("served")
def test_times_that_python_does_not_know_are_errors_as_ever(text: str) -> None:
    with pytest.raises(DataError, match="timestamp too"):
        on_threads(1, lambda: ask(f"SELECT '{text}'::timestamptz"), lambda: None)
