"""The name under which this process writes: the log's rows carry it, so the process finds its own.

It is the `application_name` of the process's connections to PostgreSQL, which poolers keep in step
with their client. On SQLite there is none.
"""

from __future__ import annotations

import os
import re
import secrets
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections, models

LONGEST: Final = 62
MARK: Final = re.compile(r" ?earshot:[\w-]+$")
POSTGRESQL: Final = "django.db.backends.postgresql"


class CurrentWriter(models.Func):
    """The name of the connection that writes a row; NULL on SQLite."""

    template = "current_setting('application_name')"
    arity = 0
    output_field = models.CharField(max_length=64)

    def as_sqlite(self, *_: Any, **__: Any) -> tuple[str, tuple[str | int, ...]]:
        """Return its spelling where connections have no names."""
        return "NULL", ()


def named(own: str) -> str:
    """Return an operator's name, shortened if need be, with a token that no other process has."""
    token = f"earshot:{secrets.token_urlsafe(12)}"
    # PostgreSQL replaces or escapes other characters, and cuts what is too long.
    plain = re.sub(r"[^ -~]", "?", MARK.sub("", own))[: LONGEST - len(token) - 1].strip()
    return f"{plain} {token}".lstrip()


def sign() -> None:
    """Give the connections that this process opens from now on a name of its own."""
    for alias in connections:
        settings = connections.settings[alias]
        if settings["ENGINE"].startswith(POSTGRESQL):
            options = settings["OPTIONS"]
            own = options.get("application_name") or os.environ.get("PGAPPNAME", "")
            options["application_name"] = named(own)


def writer() -> str | None:
    """Return the name in the rows that this process writes; None where rows have none."""
    name: str | None = connections.settings[DEFAULT_DB_ALIAS]["OPTIONS"].get("application_name")
    return name


def connect() -> None:
    """Sign once, and again in each process that is forked from this one."""
    if not MARK.search(writer() or ""):  # else connections are open that have the name
        sign()
        os.register_at_fork(after_in_child=sign)
