"""Which changes SQLite's writers made together: it numbers no transactions, so that Django's
connections do.

Only they know: a function of Python's in the triggers themselves would keep everybody else from
writing. What others write counts as a transaction each row.
"""

from __future__ import annotations

import secrets
from typing import Any, Final
from weakref import ref

from django.db.backends.signals import connection_created

from realtime.capture.triggers import CHANGES

FUNCTION: Final = "earshot_transaction"
TRIGGER: Final = f"""
CREATE TEMP TRIGGER IF NOT EXISTS earshot_transaction AFTER INSERT ON main.{CHANGES} BEGIN
  UPDATE {CHANGES} SET xid = {FUNCTION}() WHERE id = NEW.id;
END
"""
TABLE: Final = f"SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = '{CHANGES}'"
KEPT: Final = "_earshot_transaction"


class Transaction:
    """A number that Django drops with the transaction; it is the entry in its list that tells."""

    def __init__(self, place: int) -> None:
        self.number = secrets.randbits(62)
        self.place = place

    def __call__(self) -> None:
        """There is nothing to do after the commit."""


def connect() -> None:
    """Number the transactions of every connection that is opened."""
    connection_created.connect(on_connection, dispatch_uid="earshot.transactions")


def on_connection(connection: Any, **_: Any) -> None:
    """Number this connection's transactions, if it is one to SQLite with the tables."""
    if connection.vendor != "sqlite":
        return
    opened, database = ref(connection), connection.connection
    database.create_function(FUNCTION, 0, lambda: number(opened()))
    if database.execute(TABLE).fetchone():  # else whoever makes the tables does this again
        database.execute(TRIGGER)


def number(connection: Any) -> int:
    """The number of the transaction under way."""
    if not connection.in_atomic_block:
        return secrets.randbits(62)
    waiting = connection.run_on_commit
    known: Transaction | None = vars(connection).get(KEPT)
    if known is None or not (known.place < len(waiting) and waiting[known.place][1] is known):
        known = vars(connection)[KEPT] = Transaction(len(waiting))
        connection.on_commit(known)
    return known.number
