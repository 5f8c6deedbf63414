"""What no part of `manage.py review` can work with: options that are no text, and no database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from django.db import DatabaseError, Error

from permissions.review.subcommands import Unanswerable
from tenants.connections import is_away

ABSENT: Final = ("42P01", "42703")
"""PostgreSQL's codes for a table and a column that there is not."""

DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class NoText(Unanswerable):
    """An option's value holds bytes that are no UTF-8, or a NUL."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"--{name} is no text: write it in UTF-8, without NUL.")


class NoDatabase(Unanswerable):
    """The database does not answer, is none, or has not the tables of this release."""

    def __init__(self, why: str, todo: str) -> None:
        self.why = why
        super().__init__(f"The database cannot be asked ({why}): {todo}.")


class Together(Unanswerable):
    """An option that has no meaning for a part was given before its name."""

    def __init__(self, name: str, part: str) -> None:
        self.name = name
        self.part = part
        super().__init__(f"--{name} is no option of `review {part}`: leave one of them out.")


def check_texts(options: Mapping[str, Any]) -> None:
    """Raise NoText for the first option that is none."""
    for name, value in options.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, str | Path) and not _is_text(str(each)):
                raise NoText(name.replace("_", "-"))


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def check_together(part: str, options: Mapping[str, Any], own: Iterable[str]) -> None:
    """Raise Together for an option of the command that stands before a part without it."""
    for name in ("check", "accept", "between", "probe", "model", "lock"):
        if name not in own and options[name]:
            raise Together(name, part)


def no_database(error: Error) -> NoDatabase | None:
    """Return what to say of an error that no question is at fault for; None for others."""
    cause: Any = error.__cause__
    why = str(error).strip().partition("\n")[0].rstrip(".")
    if getattr(cause, "sqlstate", None) in ABSENT or why.startswith(
        ("no such table", "no such col")
    ):
        return NoDatabase(why, "run manage.py migrate")
    is_damaged = isinstance(error, DatabaseError) and (
        getattr(cause, "sqlite_errorcode", None) in DAMAGED
    )
    if is_damaged or is_away(error):
        return NoDatabase(why, "look at DATABASE_URL, and whether the database is running")
    return None
