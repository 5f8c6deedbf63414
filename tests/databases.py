"""What a test needs of the servers behind it. What is skipped for the lack of it where `make test`
runs it, `make both` runs: on SQLite without a broker, or on PostgreSQL with one."""

from __future__ import annotations

from typing import Final

import pytest
from django.conf import settings
from django.db import connection

BROKER: Final = "Redis" in settings.CHANNEL_LAYERS["default"]["BACKEND"]


ELSEWHERE: Final[dict[str, str]] = {}
"""Where tests run that are skipped for lack of it: the other database, or a broker, by why."""


def _elsewhere(skipped: bool, where: str, why: str) -> pytest.MarkDecorator:
    ELSEWHERE[why] = where
    # Never skipped for good: another run of the same build has what this one lacks, as `why` says.
    return pytest.mark.skipif(skipped, reason=why)


def only_on(vendor: str, why: str) -> pytest.MarkDecorator:
    """A test of what only this database has or does; `why` says what the other one does instead."""
    return _elsewhere(connection.vendor != vendor, vendor, why)


on_postgresql: Final = only_on("postgresql", "SQLite has one writer at a time.")
# On SQLite all is one process, and there is no broker to try; the servers have one.
with_broker: Final = _elsewhere(not BROKER, "broker", "Several processes need a broker.")
