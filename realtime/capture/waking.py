"""Wakes the publisher after the commit of a write to a captured table, by whatever manager.

The tail finds what is written in other ways (COPY, functions, other programs).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final, Protocol

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, post_save, pre_migrate

from realtime.capture import installing
from tenants import membership_tasks
from tenants.models import Membership

WRITES: Final = re.compile(
    r"(?:\s|/\*.*?\*/)*(INSERT|UPDATE|DELETE|REPLACE|MERGE|TRUNCATE|COPY|WITH)\b",
    re.IGNORECASE | re.DOTALL,
)
PLAIN: Final = {"INSERT", "UPDATE", "DELETE"}
OTHERWISE: Final = re.compile(r"\b(?:REPLACE|CONFLICT)\b", re.IGNORECASE)
"""A statement with one of these words may write in other ways than its verb says."""
BEGINNING: Final = 2_000
"""A statement names the table that it writes within this many characters."""


class Publisher(Protocol):
    """Announces what was committed."""

    def wake(self) -> None:
        """Announce what has been committed."""

    def hold(self) -> None:
        """Announce nothing until `release`."""

    def release(self) -> None:
        """Resume, and announce what was committed meanwhile too."""


class Waking:
    """Wakes one publisher after every commit of a captured write."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._wake = lambda: publisher.wake()  # one object, for which Django's list is searched
        self._migrating: set[str] = set()

    def connect(self) -> None:
        """Observe every statement of every connection that is opened from now on."""
        for signal, receiver in (
            (connection_created, self._on_connection),
            (post_save, self._on_saved),
            (pre_migrate, self._on_pre_migrate),
            (post_migrate, self._on_post_migrate),
        ):
            signal.connect(receiver, weak=False, dispatch_uid="earshot.waking")

    def _on_connection(self, connection: Any, **_: Any) -> None:
        if connection.alias == DEFAULT_DB_ALIAS and self._see not in connection.execute_wrappers:
            connection.execute_wrappers.append(self._see)

    def _on_saved(self, using: str, **_: Any) -> None:
        if vars(connections[using]).pop("earshot_under_way", False):
            _follow(connections[using], self._wake)

    def _on_pre_migrate(self, using: str, **_: Any) -> None:
        """Leave migrations' writes to the tails: what follows may need tables not yet there."""
        self._migrating.add(using)
        self._publisher.hold()

    def _on_post_migrate(self, app_config: AppConfig, using: str, **_: Any) -> None:
        """After the last app, when the triggers are there: a look meanwhile would lock the logs of
        a database in memory, as Django's tests have one."""
        if installing.is_last(app_config):
            self._migrating.discard(using)
            self._publisher.release()

    def _see(
        self,
        execute: Callable[..., Any],
        sql: Any,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        result = execute(sql, params, many, context)
        connection = context["connection"]
        if connection.alias not in self._migrating:
            self._follow_write(connection, _text(sql))
        return result

    def _follow_write(self, connection: Any, text: str) -> None:
        table = _captured(connection.vendor, text)
        if table is None:
            return
        if _is_under_way(connection, text):
            connection.earshot_under_way = True
            return
        _follow(connection, self._wake)
        if table == Membership._meta.db_table:
            _follow(connection, membership_tasks.do_tasks)


def _text(sql: Any) -> str:
    """Return the statement's text; psycopg also accepts bytes and composed statements."""
    if isinstance(sql, bytes):
        return sql.decode(errors="replace")
    return sql if isinstance(sql, str) else str(sql.as_string(None))


def _is_under_way(connection: Any, text: str) -> bool:
    """Return whether SQLite commits only when the caller, who saves a row, has read the result."""
    return connection.vendor == "sqlite" and not connection.in_atomic_block and "RETURNING" in text


def _captured(vendor: str, text: str) -> str | None:
    """Return the table that the statement writes, if such a write to it is captured."""
    written = WRITES.match(text)
    found = written and _tables(vendor).search(text, written.end(), BEGINNING)
    if not written or not found:
        return None
    verb = written[1].upper()
    if verb in PLAIN and verb not in _events(vendor)[found[0]] and not OTHERWISE.search(text):
        return None
    return found[0]


@cache
def _events(vendor: str) -> dict[str, set[str]]:
    """Return, by table, the writes that are captured; for the logs, those that add to them."""
    events: dict[str, set[str]] = {table: {"INSERT", "UPDATE"} for table in installing.LOGS}
    for trigger in installing.wanted(vendor):
        events.setdefault(trigger.table, set()).update(trigger.events)
    return events


@cache
def _tables(vendor: str) -> re.Pattern[str]:
    """Return a pattern that matches the names of the captured tables and of the logs."""
    names = _events(vendor)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b")


def _follow(connection: Any, work: Callable[[], None]) -> None:
    """Do this once after the commit; a rollback removes what its savepoint registered."""
    if not connection.in_atomic_block and not connection.get_autocommit():
        return  # another party commits, and nobody is told when
    if not any(registered[1] is work for registered in connection.run_on_commit[-2:]):
        connection.on_commit(work, robust=True)
