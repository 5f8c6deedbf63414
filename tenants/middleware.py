"""Requests and the database: no connection is held too long, and the database's absence is told.

`tenants.rest` answers for the API while the database is away; this answers for the rest.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from tenants.connections import DatabaseAway, give_back, is_away
from tenants.turns import turns


class DatabaseMiddleware:
    """Ends a request's turn and gives back its database connection before the answer goes out,
    however slowly that is taken; answers 503 if a view failed because the database is away."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        turns.begin(request)
        try:
            response = self._get_response(request)
        finally:
            turns.end(request)
        if not response.streaming:  # else it is still to be made
            give_back()
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> JsonResponse | None:
        return service_unavailable() if is_away(exception) else None


def service_unavailable() -> JsonResponse:
    """Return the answer that the API gives."""
    error = DatabaseAway()
    body = {"detail": error.detail, "code": error.default_code}
    headers = {"Retry-After": str(error.wait)}
    return JsonResponse(body, status=error.status_code, headers=headers)
