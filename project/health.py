"""Whether the process lives, whether it can serve, and what it has counted."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import close_old_connections, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess

from realtime.drain import drain
from realtime.hubs import hubs
from tenants.limits import limits

NO_STORE = {"Cache-Control": "no-store"}


def healthz(request: HttpRequest) -> HttpResponse:
    """Liveness: this process answers. It asks no database and no broker."""
    return HttpResponse("ok\n", content_type="text/plain", headers=NO_STORE)


async def readyz(request: HttpRequest) -> JsonResponse:
    """Readiness: 200 if the process can serve, else 503; each part is `ok` or `failed`."""
    checks: dict[str, Callable[[], Awaitable[bool]]] = {
        "database": _database,
        "broker": _broker,
        "loops": _loops,
        "staying": _staying,
    }
    found = dict(zip(checks, await asyncio.gather(*map(_attempt, checks.values())), strict=True))
    states = {name: "ok" if good else "failed" for name, good in found.items()}
    return JsonResponse(states, status=200 if all(found.values()) else 503, headers=NO_STORE)


async def _attempt(check: Callable[[], Awaitable[bool]]) -> bool:
    try:
        async with asyncio.timeout(2 * limits()["broker_timeout_seconds"]):
            return await check()
    except Exception:  # whatever is wrong with a part, it is not ready
        return False


async def _database() -> bool:
    """It answers, and has all migrations."""
    return await sync_to_async(_migrated, thread_sensitive=False)()


def _migrated() -> bool:
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    finally:
        close_old_connections()


async def _broker() -> bool:
    """Beats come back, where there is a hub; else it takes a message, to nobody."""
    hub = hubs.current()
    if hub is not None:
        return hub.heartbeat.up
    layer: Any = get_channel_layer()
    await layer.group_send("earshot.ready", {"type": "nobody.listens"})
    return True


async def _loops() -> bool:
    """Everything that a hub does by itself is still being done."""
    hub = hubs.current()
    return hub is None or hub.alive


async def _staying() -> bool:
    return not drain.draining


def metrics(request: HttpRequest) -> HttpResponse:
    """What was counted, for Prometheus: of all workers, where `PROMETHEUS_MULTIPROC_DIR` is set."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST, headers=NO_STORE)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, folder)
    text = generate_latest(registry)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST, headers=NO_STORE)
