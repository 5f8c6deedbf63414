"""Database connections: they are few, and the database may be away.

No slow work holds one; what serves sockets has some that requests cannot take; a server waits for
an answer no longer than a client would; and times are read without detours.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from functools import cache
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.backends.signals import connection_created
from rest_framework import exceptions

from tenants.limits import limits

RETRY_SECONDS: Final = 5
TOO_COMPLEX: Final = "54"
TIMESTAMPTZ: Final = 1184
"""PostgreSQL's number of the type of times."""


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


def connect() -> None:
    """Read times of PostgreSQL at once on every connection that is opened from now on."""
    connection_created.connect(_read_times_at_once, dispatch_uid="earshot.times")


def _read_times_at_once(connection: Any, **_: Any) -> None:
    adapters: Any = getattr(connection.connection, "adapters", None)  # of psycopg 3
    if adapters is None:
        return
    loader = adapters.get_loader(TIMESTAMPTZ, 0)
    if not issubclass(loader, AtOnce):  # a pool's connection comes again
        kind = type("TimeLoader", (AtOnce, loader), {})
        adapters.register_loader(TIMESTAMPTZ, kind)


class AtOnce:
    """Reads times in UTC by the interpreter's own parser, in a tenth of the time that Django's
    loader takes, which reads what is left."""

    timezone: Any

    def load(self, data: Any) -> Any:
        try:
            found = datetime.fromisoformat(bytes(data).decode())
        except ValueError:  # infinity, or before or after all years that Python knows
            found = None
        if found is None or found.tzinfo is not self.timezone:
            return super().load(data)  # type: ignore[misc]
        return found
