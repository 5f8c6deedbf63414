"""What is answered outside the API while the database is away; in it, `tenants.rest` answers so."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.utils.deprecation import MiddlewareMixin

from tenants.connections import DatabaseAway, is_away


class UnavailableMiddleware(MiddlewareMixin):
    """503 in place of a server error, if a view failed because the database is away."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> JsonResponse | None:
        return unavailable() if is_away(exception) else None


def unavailable() -> JsonResponse:
    """The API's answer."""
    error = DatabaseAway()
    body = {"detail": error.detail, "code": error.default_code}
    headers = {"Retry-After": str(error.wait)}
    return JsonResponse(body, status=error.status_code, headers=headers)
