"""Whether the process lives, and whether it can serve."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from channels.layers import get_channel_layer
from django.db import close_old_connections, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from realtime.capture.installing import differences
from realtime.failures import log_failure
from realtime.hub.drain import drain
from realtime.hub.per_loop import hubs
from tenants.connections import reserve
from tenants.limits import limits

logger = logging.getLogger(__name__)

NO_STORE = {"Cache-Control": "no-store"}
SHARED: Final = {"broker"}
"""What all processes share and can do without: it is told, and takes nobody out of service."""


@require_safe
async def healthz(request: HttpRequest) -> HttpResponse:
    """Liveness: this process answers. It asks no database and no broker."""
    return HttpResponse("ok\n", content_type="text/plain", headers=NO_STORE)


@require_safe
async def readyz(request: HttpRequest) -> JsonResponse:
    """Readiness: 200 if the process can serve, else 503; each part is `ok`, `failed` or says why.

    Without the broker live copies follow by the tail: it is told, but it does not take a process
    out of service, since then all would go at once.
    """
    checks: dict[str, Callable[[], Awaitable[bool | str]]] = {
        "database": _database,
        "broker": _broker,
        "loops": _loops,
        "staying": _staying,
    }
    found = dict(zip(checks, await asyncio.gather(*map(_attempt, checks.values())), strict=True))
    states = {n: "ok" if state is True else state or "failed" for n, state in found.items()}
    ready = all(state is True for name, state in found.items() if name not in SHARED)
    return JsonResponse(states, status=200 if ready else 503, headers=NO_STORE)


async def _attempt(check: Callable[[], Awaitable[bool | str]]) -> bool | str:
    try:
        async with asyncio.timeout(2 * limits()["broker_timeout_seconds"]):
            return await check()
    except Exception:  # whatever is wrong with a part, it is not ready
        return False


class Look:
    """A look at the database by a thread of its own, one at a time.

    A database that takes connections and never answers would keep a thread for each probe, until
    none is left for anything else: whoever asks meanwhile waits for the look under way. Requests
    cannot take its connection: a process that is busy is not taken out of service for it.
    """

    def __init__(self, look: Callable[[], bool | str]) -> None:
        self._look = look
        self._executor = ThreadPoolExecutor(1, "earshot-ready", initializer=reserve)
        self._under_way: Future[bool | str] | None = None

    async def __call__(self) -> bool | str:
        if self._under_way is None or self._under_way.done():
            self._under_way = self._executor.submit(self._look)
        return await asyncio.shield(asyncio.wrap_future(self._under_way))


def _complete() -> bool | str:
    """Whether nothing is missing; which triggers are, without which a loss goes unnoticed."""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        return str(differences()) or True
    except Exception as error:
        log_failure(logger, "The database is not ready", error)
        return False
    finally:
        close_old_connections()


_database = Look(_complete)
"""It answers, and has all migrations and all triggers."""


async def _broker() -> bool:
    """Beats come back, where there is a hub; else it takes a message, to nobody."""
    hub = hubs.current()
    if hub is not None:
        return hub.probe.up
    layer: Any = get_channel_layer()
    await layer.group_send("earshot.ready", {"type": "nobody.listens"})
    return True


async def _loops() -> bool:
    """Everything that a hub does by itself is still being done."""
    hub = hubs.current()
    return hub is None or hub.alive


async def _staying() -> bool:
    return not drain.draining
