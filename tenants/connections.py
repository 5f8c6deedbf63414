"""Database connections: they are few, so nothing slow is done with one in hand."""

from __future__ import annotations

from django.db import connections


def give_back() -> None:
    """Let others have this thread's connections while it waits; not within a transaction."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
