"""What a test needs of the servers behind it. What one half of `make test` skips for the lack of
it, the other half runs: on SQLite without a broker, and on PostgreSQL with one."""

from __future__ import annotations

from typing import Final

import pytest
from django.conf import settings
from django.db import connection

BROKER: Final = "Redis" in settings.CHANNEL_LAYERS["default"]["BACKEND"]


def only_on(vendor: str, why: str) -> pytest.MarkDecorator:
    """A test of what only this database has or does; `why` says what the other one does instead."""
    # `make test` runs both halves, so that each test runs in one of them.
    return pytest.mark.skipif(connection.vendor != vendor, reason=why)


on_postgresql: Final = only_on("postgresql", "SQLite has one writer at a time.")
# On SQLite all is one process, and there is no broker to try; the other half has one.
with_broker: Final = pytest.mark.skipif(not BROKER, reason="Several processes need a broker.")
