"""Listening: PostgreSQL tells at once what another program committed, where `listen` is on.

A trigger on the logs notifies of rows that no server process announces; each process with sockets
has one connection that listens, and then its tail looks. The tail finds lost notifications as
usual.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from realtime.capture.postgresql import CHANNEL
from realtime.failures import log_failure

logger = logging.getLogger(__name__)

Look = Callable[[], Awaitable[None]]

OF_DJANGO: Final = ("context", "cursor_factory")


def is_on(limits: Mapping[str, Any]) -> bool:
    """Return whether there is anything to listen to."""
    return bool(limits["listen"]) and connection.vendor == "postgresql"


async def run(look: Look, seconds: float) -> None:
    """Listen for ever, and `look` at each notification; retry after so many seconds."""
    while True:
        try:
            await _listen(look)
        except Exception as error:
            log_failure(
                logger, "Listening for other programs' writes failed; the tail finds them", error
            )
        await asyncio.sleep(seconds)


async def _listen(look: Look) -> None:
    from psycopg import AsyncConnection

    listening = await AsyncConnection.connect(**params(connection), autocommit=True)
    async with listening:
        await listening.execute(f"LISTEN {CHANNEL}")
        while True:
            await look()  # also of what came before the first word
            _ = [told async for told in listening.notifies(stop_after=1)]
            _ = [told async for told in listening.notifies(timeout=0)]  # one look finds all


def params(of: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return what Django connects with, without what is for its own kind of connection."""
    params: dict[str, Any] = of.get_connection_params()
    return {name: value for name, value in params.items() if name not in OF_DJANGO}
