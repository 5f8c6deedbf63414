"""Numbers SQLite's transactions, so that changes made together are known: by Django's connections,
since SQLite does not.

Only they can: a Python function in the persistent triggers would keep all other programs from
writing. Of what those write, each row counts as a transaction of its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Final
from weakref import ref

from django.db.backends.signals import connection_created

from realtime.capture.triggers import CHANGES

FUNCTION: Final = "earshot_transaction"
COLUMNS: Final = ("tenant_id", "model", "object_id", "version", "creation", "fields", "at")
TRIGGER: Final = f"""
CREATE TEMP TRIGGER IF NOT EXISTS earshot_transaction
BEFORE INSERT ON main.{CHANGES} WHEN NEW.xid <= 0 BEGIN
  INSERT INTO {CHANGES} (id, xid, {", ".join(COLUMNS)})
  VALUES (CASE WHEN NEW.id > 0 THEN NEW.id END, {FUNCTION}(0),
    {", ".join(f"NEW.{column}" for column in COLUMNS)});
  SELECT RAISE(IGNORE);
END
"""
"""Writes the numbered row instead: inserting one again takes as long as inserting it once."""

TABLE: Final = f"SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = '{CHANGES}'"
NUMBERS: Final = "_earshot_numbers"


class Numbers(dict[int, int]):
    """The number of a connection's current transaction, by item; made when it is first asked for.

    It is asked for at each written row, where a dictionary's own method takes a tenth of the time
    of a method in Python.
    """

    def __init__(self, connection: Any) -> None:
        super().__init__()
        self._connection = ref(connection)
        self._place = 0
        self._in_statement = False

    def __call__(self) -> None:
        """Forget the number: nothing uses it after the commit."""
        self.clear()

    def __missing__(self, key: int) -> int:
        number = 1 + secrets.randbits(62)
        connection: Any = self._connection()
        if connection.in_atomic_block:
            # Django drops this entry together with the transaction or the savepoint.
            self._place = len(connection.run_on_commit)
            connection.on_commit(self)
        if connection.in_atomic_block or self._in_statement:
            self[key] = number
        return number

    def around(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        """Run a statement; first forget a number whose transaction is over."""
        connection = context["connection"]
        waiting = connection.run_on_commit[self._place : self._place + 1]
        if not any(entry[1] is self for entry in waiting):
            self.clear()
        if connection.in_atomic_block:
            return execute(sql, params, many, context)
        self._in_statement = True
        try:
            return execute(sql, params, many, context)
        finally:
            self._in_statement = False
            self.clear()


def connect() -> None:
    """Number the transactions of every connection that is opened from now on."""
    connection_created.connect(on_connection, dispatch_uid="earshot.transactions")


def on_connection(connection: Any, **_: Any) -> None:
    """Number this connection's transactions if it is to SQLite, and its database has the tables."""
    if connection.vendor != "sqlite":
        return
    numbers: Numbers | None = vars(connection).get(NUMBERS)
    if numbers is None:
        numbers = vars(connection)[NUMBERS] = Numbers(connection)
        connection.execute_wrappers.append(numbers.around)
    database = connection.connection
    database.create_function(FUNCTION, 1, numbers.__getitem__)
    if database.execute(TABLE).fetchone():  # else creating the tables calls this again
        database.execute(TRIGGER)


def number(connection: Any) -> int:
    """Return the number of this connection's open transaction, for rows written in it."""
    connection.ensure_connection()
    numbers: Numbers = getattr(connection, NUMBERS)  # works through a proxy too
    return numbers[0]
