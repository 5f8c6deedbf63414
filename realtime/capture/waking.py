"""Wakes what follows the commit of a write to a captured table, through whatever manager it went.

What goes another way (COPY, functions, other programs) is found by the tail.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, post_save, pre_migrate

from realtime.capture import installing
from realtime.outbox import outbox
from tenants import standing
from tenants.models import Membership

WRITES: Final = re.compile(
    r"(?:\s|/\*.*?\*/)*(?:INSERT|UPDATE|DELETE|REPLACE|MERGE|TRUNCATE|COPY|WITH)\b",
    re.IGNORECASE | re.DOTALL,
)
BEGINNING: Final = 2_000
"""In so many characters a statement names the table that it writes."""

_migrating: Final[set[str]] = set()
"""The databases that migrations are changing now."""


def connect() -> None:
    """See every statement of every connection that is opened from now on."""
    connection_created.connect(_on_connection, dispatch_uid="earshot.waking")
    post_save.connect(_on_saved, dispatch_uid="earshot.waking")
    pre_migrate.connect(_on_pre_migrate, dispatch_uid="earshot.waking")
    post_migrate.connect(_on_post_migrate, dispatch_uid="earshot.waking")


def _on_connection(connection: Any, **_: Any) -> None:
    if connection.alias == DEFAULT_DB_ALIAS and _waking not in connection.execute_wrappers:
        connection.execute_wrappers.append(_waking)


def _on_pre_migrate(using: str, **_: Any) -> None:
    """What migrations write is left to the tails: what follows may need tables not yet there."""
    _migrating.add(using)
    outbox.hold()


def _on_post_migrate(using: str, **_: Any) -> None:
    _migrating.discard(using)
    outbox.release()


def _waking(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    result = execute(sql, params, many, context)
    connection = context["connection"]
    if connection.alias in _migrating:
        return result
    text = _text(sql)
    if WRITES.match(text) and (found := _tables(connection.vendor).search(text, 0, BEGINNING)):
        if _is_under_way(connection, text):
            connection.earshot_under_way = True
        else:
            _follow(connection, _woken)
            if found[0] == Membership._meta.db_table:
                _follow(connection, _joined)
    return result


def _text(sql: Any) -> str:
    """The statement; psycopg takes it as bytes, too, and composed of parts."""
    if isinstance(sql, bytes):
        return sql.decode(errors="replace")
    return sql if isinstance(sql, str) else str(sql.as_string(None))


def _is_under_way(connection: Any, text: str) -> bool:
    """Whether SQLite commits the statement only when its result was read, by who saves a row."""
    return connection.vendor == "sqlite" and not connection.in_atomic_block and "RETURNING" in text


def _on_saved(using: str, **_: Any) -> None:
    if vars(connections[using]).pop("earshot_under_way", False):
        _follow(connections[using], _woken)


@cache
def _tables(vendor: str) -> re.Pattern[str]:
    """The names of the captured tables and of the logs."""
    names = {trigger.table for trigger in installing.wanted(vendor)} | installing.LOGS
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b")


def _follow(connection: Any, work: Callable[[], None]) -> None:
    """Do this after the commit, once; a rollback takes back what its savepoint registered."""
    if not connection.in_atomic_block and not connection.get_autocommit():
        return  # somebody else commits, and nobody is told when
    waiting = connection.run_on_commit[-2:]
    here = set(connection.savepoint_ids)
    if not any(registered[0] == here and registered[1] is work for registered in waiting):
        connection.on_commit(work, robust=True)


def _woken() -> None:
    outbox.wake()


def _joined() -> None:
    standing.do_tasks()
