"""Every form of column that the database has."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import connection

from tests.formed import columns
from tests.formed.columns import GENERATED, name_of

COLUMNS = columns.COLUMNS
"""By the class of Django's, and what else it has."""

UNWRITTEN = {*map(name_of, (*GENERATED, "FileField", "ImageField", "DateField auto_now_add"))}
"""What REST does not write."""

if connection.vendor == "postgresql":
    from tests.formed import columns_postgresql

    COLUMNS = COLUMNS | columns_postgresql.COLUMNS
    UNWRITTEN |= {*map(name_of, columns_postgresql.UNWRITTEN)}


def extended(blocker: Any) -> AbstractContextManager[None]:
    """The database has all their types."""
    if connection.vendor == "postgresql":
        return columns_postgresql.extended(blocker)
    return nullcontext()
