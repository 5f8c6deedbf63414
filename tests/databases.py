"""What a test needs of the servers behind it. What is skipped for the lack of it where `make test`
runs it, `make both` runs: on SQLite without a broker, or on PostgreSQL with one."""

from __future__ import annotations

from typing import Final

import pytest
from django.conf import settings
from django.db import connection

BROKER: Final = "Redis" in settings.CHANNEL_LAYERS["default"]["BACKEND"]


ELSEWHERE: Final[set[str]] = set()
"""Why tests are skipped that run on the other database, or with a broker."""


def _elsewhere(skipped: bool, why: str) -> pytest.MarkDecorator:
    ELSEWHERE.add(why)
    # Never skipped for good: another run of the same build has what this one lacks, as `why` says.
    return pytest.mark.skipif(skipped, reason=why)


def only_on(vendor: str, why: str) -> pytest.MarkDecorator:
    """A test of what only this database has or does; `why` says what the other one does instead."""
    # `make both` runs it on the other database, so that each test runs on one of them.
    return _elsewhere(connection.vendor != vendor, why)


on_postgresql: Final = only_on("postgresql", "SQLite has one writer at a time.")
# On SQLite all is one process, and there is no broker to try; the servers have one.
with_broker: Final = _elsewhere(not BROKER, "Several processes need a broker.")
