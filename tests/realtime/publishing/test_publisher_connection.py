"""The connection of the thread that announces, in whatever state it was left."""

from __future__ import annotations

import asyncio

import pytest
from django.db import connection

from realtime.publishing.publisher import Publisher
from tests.permissions.conftest import elsewhere
from tests.world import World


def test_connection_that_was_left_in_a_transaction_keeps_nothing_back(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a commit fails over something else than the database, Django goes on to take the
    connection for one in a transaction; no look could take its snapshot."""

    def announce() -> bool:
        connection.set_autocommit(False)
        with connection.cursor() as cursor, asyncio.Runner() as runner:
            cursor.execute("SELECT 1")
            Publisher()._announce(runner, None)
        return connection.connection is None or connection.get_autocommit()

    assert elsewhere(announce)
    assert "Announcing failed" not in caplog.text
