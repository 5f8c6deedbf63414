"""What comes first: probes are answered, wrong hosts are refused, requests are timed."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

from asgiref.sync import async_to_sync
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseBase
from django.utils.log import log_response

from project import errors, health, metrics
from tenants.multiprocess import Histogram

PROBES: Final[dict[str, Callable[..., Any]]] = {
    "/healthz": health.healthz,
    "/readyz": health.readyz,
    "/metrics": metrics.metrics,
}
METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

REQUESTS = Histogram(
    "earshot_request_seconds",
    "Duration of requests, by method and URL pattern.",
    ["method", "route"],
)


def probes(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer probes for any Host, over any scheme; refuse any other request for a wrong Host."""

    def answer(request: HttpRequest) -> Any:
        probe = PROBES.get(request.path_info)
        if probe is not None:
            return async_to_sync(probe)(request)
        return refusal(request) or get_response(request)

    return answer


def refusal(request: HttpRequest) -> HttpResponseBase | None:
    """The answer to a request for a Host that is not ours: one line in the log, no traceback."""
    try:
        request.get_host()
    except DisallowedHost as error:
        response = errors.bad_request(request, error)
        named = ascii(request.headers.get("Host", ""))[:100]
        log_response(
            "Refused a request for the Host %s, which is not in ALLOWED_HOSTS.",
            named, response=response, request=request, level="warning",
        )  # fmt: skip
        return response
    return None


def timed(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Observe how long a request takes; what leads to no view is one route."""

    def measure(request: HttpRequest) -> Any:
        began = perf_counter()
        response = get_response(request)
        observe(request, perf_counter() - began)
        return response

    return measure


def observe(request: HttpRequest, seconds: float) -> None:
    """Never by the address itself, of which there are as many as clients like."""
    match = request.resolver_match
    route = "unknown" if match is None else match.route
    method = request.method if request.method in METHODS else "other"
    REQUESTS.labels(method, route).observe(seconds)
