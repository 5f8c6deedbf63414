"""Which tables triggers can follow, by what Django lets a model call its own."""

from __future__ import annotations

from typing import Any, Final

from django.db import connection

SIGNS: Final = '"%{}'
"""What names of tables and columns cannot have."""


def why_not_named(model: Any) -> str:
    """Return why the name of the model's table keeps it from being followed; empty if nothing
    does."""
    table, longest = model._meta.db_table, connection.ops.max_name_length()
    if '"' in table or "." in table:
        return "is named with quotes or a schema: triggers look for it in the connection's own"
    if any(sign in table for sign in SIGNS):
        return f"cannot be named in statements that have parameters: it has one of {SIGNS[1:]!r}"
    if longest and len(table.encode()) > longest:
        return f"has a name of more than {longest} bytes, of which the database keeps no more"
    return ""


def why_not_made(model: Any) -> str:
    """Return why Django makes the model's table in no such database; empty if it does."""
    needed, features = model._meta.required_db_vendor, model._meta.required_db_features
    if needed and needed != connection.vendor:
        return f"for {needed} only"
    lacking = [each for each in features if not getattr(connection.features, each, False)]
    return f"where there is {lacking[0]}" if lacking else ""
