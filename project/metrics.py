"""What was counted, for Prometheus; for whoever knows `EARSHOT_METRICS_TOKEN`."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from project import errors
from tenants import multiprocess

NO_STORE = {"Cache-Control": "no-store"}

# A scrape reads files: the event loop does not wait for it, nor do the threads of others.
_thread = ThreadPoolExecutor(1, "earshot-metrics")


@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics of all workers, where `PROMETHEUS_MULTIPROC_DIR` is set, else of this process."""
    if not (settings.METRICS_TOKEN or settings.DEBUG):
        return errors.not_found(request, Http404())
    if not (settings.DEBUG or _knows(request.headers.get("Authorization", ""))):
        body = {
            "detail": "Send the header Authorization: Bearer <EARSHOT_METRICS_TOKEN>.",
            "code": "not_authenticated",
        }
        return JsonResponse(body, status=401, headers={**NO_STORE, "WWW-Authenticate": "Bearer"})
    text = await asyncio.get_running_loop().run_in_executor(_thread, generate_latest, Found())
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST, headers=NO_STORE)


def _knows(header: str) -> bool:
    scheme, _, token = header.partition(" ")
    right = constant_time_compare(token.strip(), settings.METRICS_TOKEN)
    return right and scheme.lower() == "bearer"


class Found:
    """What to print. The tail of a process without sockets, which has none, is never behind."""

    def collect(self) -> Iterator[Any]:
        found = REGISTRY.collect() if multiprocess.folder() is None else multiprocess.collect()
        for metric in found:
            metric.samples = [
                s._replace(value=time.time()) if s.value == math.inf else s for s in metric.samples
            ]
            yield metric
