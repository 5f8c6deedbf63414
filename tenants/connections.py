"""Database connections: they are few, and the database may be away.

No slow work holds one; what serves sockets has some that requests cannot take; and a server waits
for an answer no longer than a client would.
"""

from __future__ import annotations

import sqlite3
from functools import cache
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from rest_framework import exceptions

from tenants.limits import limits

RETRY_SECONDS: Final = 5
TOO_COMPLEX: Final = "54"


class DatabaseAway(exceptions.APIException):
    """The database does not answer, or not in time; the request itself is not at fault."""

    status_code = 503
    default_code = "service_unavailable"
    default_detail = "The database is not responding; try again soon."
    wait = RETRY_SECONDS


def is_away(error: BaseException | None) -> bool:
    """Return whether the error says that the database is away or busy, not that SQL is bad."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    cause: Any = error.__cause__
    # Of SQLite everything is operational, also a text that Python cannot decode, which has no code;
    # and of PostgreSQL what is too complex or too large.
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR
    return not (getattr(cause, "sqlstate", None) or "").startswith(TOO_COMPLEX)


def give_back() -> None:
    """Let others use this thread's connections while it waits; not within a transaction."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def reserve() -> None:
    """Take this thread's connections from where requests take none: on PostgreSQL, from a pool of
    its own. Call it first in a thread."""
    ours = connections.create_connection(DEFAULT_DB_ALIAS)
    pool = ours.settings_dict["OPTIONS"].get("pool")
    if not pool:
        return
    sizes = {} if pool is True else pool
    options = {
        **ours.settings_dict["OPTIONS"],
        "pool": {**sizes, "max_size": limits()["hub_connections"]},
    }
    settings = {**ours.settings_dict, "OPTIONS": options}
    backend: Any = type(ours)
    connections[DEFAULT_DB_ALIAS] = _reserved(backend)(settings, DEFAULT_DB_ALIAS)


def bound() -> None:
    """Make this process wait for an answer of PostgreSQL for at most `answer_seconds`. Only servers
    call it, since a command's work may take its time."""
    options = connections.settings[DEFAULT_DB_ALIAS]["OPTIONS"]
    if isinstance(options.get("pool"), dict):
        from tenants.postgresql import Bounded

        options["pool"]["connection_class"] = Bounded


@cache
def _reserved(backend: Any) -> Any:
    """Return the same backend, with pools that are kept apart from Django's."""
    return type("Reserved", (backend,), {"_connection_pools": {}})
