"""One database snapshot for several queries, on PostgreSQL and SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.db import DatabaseError, connection, transaction

from tenants.connections import is_away

T = TypeVar("T")

_rehearsing: ContextVar[bool] = ContextVar("earshot_rehearsing", default=False)


class SnapshotInTransaction(RuntimeError):
    """A snapshot was requested inside an open transaction, which sees its own uncommitted rows."""

    def __init__(self) -> None:
        super().__init__(
            "A read needs its own snapshot: call it outside the transaction or in another thread."
        )


@contextmanager
def snapshot() -> Iterator[None]:
    """Run the block's queries on one committed state of the primary; raise SnapshotInTransaction.

    In a test of Django's TestCase it is the state that the test has made, which nobody commits.

    PostgreSQL uses REPEATABLE READ, READ ONLY; SQLite uses BEGIN DEFERRED, since a plain `atomic()`
    under IMMEDIATE would block writers.
    """
    if connection.in_atomic_block:
        if not (_rehearsing.get() or _is_of_tests()):
            raise SnapshotInTransaction
        yield
        return
    if connection.vendor == "sqlite":
        with _deferred(connection), transaction.atomic():
            yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def _is_of_tests() -> bool:
    """Return whether the only transactions are those in which Django's TestCase runs each test."""
    blocks: Any = connection
    return all(block._from_testcase for block in blocks.atomic_blocks)


@contextmanager
def rehearsal() -> Iterator[None]:
    """Run the block in a transaction that is rolled back, and in which reads see its writes.

    Nothing is committed, so nothing is announced: use it only to try what would be shown.
    """
    token = _rehearsing.set(True)
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        _rehearsing.reset(token)


def in_snapshot(work: Callable[[bool], T]) -> T:
    """Run the work in a snapshot and return its result.

    If a statement fails on a row's content, which spoils the transaction on PostgreSQL, the work
    runs once more with True, which tells it to guard with savepoints.
    """
    try:
        with snapshot():
            return work(False)
    except DatabaseError as error:
        if is_away(error):
            raise
    with snapshot():
        return work(True)


@contextmanager
def _deferred(sqlite: Any) -> Iterator[None]:
    sqlite.ensure_connection()
    mode, sqlite.transaction_mode = sqlite.transaction_mode, "DEFERRED"
    try:
        yield
    finally:
        sqlite.transaction_mode = mode
