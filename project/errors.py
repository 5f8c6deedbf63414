"""What is answered where no view answers: the form of the API's errors, without the reason."""

import sys

from django.http import HttpRequest, JsonResponse

from tenants.connections import is_away
from tenants.middleware import service_unavailable


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse({"detail": "Bad request.", "code": "bad_request"}, status=400)


def forbidden(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse({"detail": "Forbidden.", "code": "permission_denied"}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse({"detail": "Not found.", "code": "not_found"}, status=404)


def server_error(request: HttpRequest) -> JsonResponse:
    if is_away(sys.exception()):  # it failed outside of a view, as a session does that is saved
        return service_unavailable()
    return JsonResponse({"detail": "Server error.", "code": "error"}, status=500)
