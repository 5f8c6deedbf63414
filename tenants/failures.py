"""What may be said of a failure: an exception's message may quote what people have stored."""

from __future__ import annotations

import sqlite3

from django.db import InterfaceError, OperationalError


class Told(RuntimeError):
    """An error whose message this project writes itself, and which reveals nobody's data."""


SAFE = (OperationalError, InterfaceError)
LONGEST = 300


def reason(error: BaseException) -> str:
    """Return the error's class, with what a server said of itself or which of its rules was broken.

    Only errors of database connections are quoted, by their first line, and the system's word for
    its own: the lines below have details of a refusal, and other messages may be about anything.
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
    """Return whether it is Python's error for text from SQLite that it cannot decode."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.Error) and not hasattr(cause, "sqlite_errorcode")
