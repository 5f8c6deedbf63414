"""What may be said of a failure: messages of exceptions may quote what people have stored."""

from __future__ import annotations

import sqlite3

from django.db import InterfaceError, OperationalError


class Told(RuntimeError):
    """An error whose message is of our own making, and tells nothing of anybody."""


SAFE = (OperationalError, InterfaceError)
LONGEST = 300


def reason(error: BaseException) -> str:
    """The error's class, with what a server said of itself, or which rule of it was broken.

    Only a database's errors of connections are quoted, by their first line, and the system's word
    for its own: details of a refusal stand below, and other messages may be about anything.
    """
    name = type(error).__name__
    if isinstance(error, Told):
        return str(error)
    if isinstance(error, OSError) and isinstance(error.strerror, str):
        return f"{name}: {error.strerror}"
    if isinstance(error, SAFE) and not _quotes_a_row(error):
        first = next(iter(str(error).strip().splitlines()), "")
        return f"{name}: {first[:LONGEST]}" if first else name
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None)
    rule = getattr(getattr(cause, "diag", None), "constraint_name", None)
    told = [f"SQLSTATE {state}" if state else "", f"constraint {rule}" if rule else ""]
    return f"{name} ({', '.join(filter(None, told))})" if any(told) else name


def _quotes_a_row(error: BaseException) -> bool:
    """Whether it is Python's own error of a text of SQLite's that it cannot decode."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.Error) and not hasattr(cause, "sqlite_errorcode")
