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
    """A snapshot was asked for inside an open transaction, which sees its own uncommitted rows."""

    def __init__(self) -> None:
        super().__init__(
            "A read needs its own snapshot: call it outside the transaction or in another thread."
        )


@contextmanager
def snapshot() -> Iterator[None]:
    """Run the block's queries on one committed state of the primary; raises SnapshotInTransaction.

    PostgreSQL: REPEATABLE READ, READ ONLY. SQLite: BEGIN DEFERRED, which a plain `atomic()` under
    IMMEDIATE is not: it would lock writers out.
    """
    if connection.in_atomic_block:
        if not _rehearsing.get():
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


@contextmanager
def rehearsal() -> Iterator[None]:
    """A transaction that is rolled back, and in which reads see what was written in it.

    Nothing of it is committed, so nothing of it is announced: only for trying what would be shown.
    """
    token = _rehearsing.set(True)
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        _rehearsing.reset(token)


def in_snapshot(work: Callable[[bool], T]) -> T:
    """What the work returns, run in a snapshot.

    If a statement fails over what a row holds, which on PostgreSQL spoils the transaction, it is
    run once more and told, by True, to guard with savepoints whatever may fail so.
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
