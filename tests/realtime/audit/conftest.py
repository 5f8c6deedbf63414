"""What the tests of the ledger share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from tests.realtime.audit.plans import Analyze


@pytest.fixture
def analyze(transactional_db: None) -> Iterator[Analyze]:
    """`analyze(model)` counts the rows of its table; other tests' plans are as without it."""

    def count(model: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {model._meta.db_table}")

    yield count
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            # Else kept with the rows that a later test puts back, for more than they took to make.
            cursor.execute("DROP TABLE sqlite_stat1")
