"""Each request has an id, a proxy's or a new one: it is in each line of the log about it."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from project.logs import request_id

HEADER: Final = "X-Request-ID"
SANE: Final = re.compile(r"[A-Za-z0-9._~+/=:-]{1,64}")
QUIET: Final = ("/healthz", "/readyz", "/metrics", "/static/")

logger = logging.getLogger("project.access")


def new_id(given: str | None) -> str:
    """The id that a proxy gave, if it is one; else a new one."""
    return given if given and SANE.fullmatch(given) else secrets.token_urlsafe(9)


def middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Takes the id that came, and answers it, or makes one; says in a line what was answered."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        began = time.monotonic()
        given = request.headers.get(HEADER)
        identity = new_id(given)
        vars(request)["request_id"] = identity
        token = request_id.set(identity)
        try:
            response = get_response(request)
            if identity == given:  # else answers that must be alike would differ by it
                response.headers[HEADER] = identity
            _tell(request, response, 1000 * (time.monotonic() - began))
        finally:
            request_id.reset(token)
        return response

    return answer


def _tell(request: HttpRequest, response: HttpResponseBase, millis: float) -> None:
    level = logging.DEBUG if request.path.startswith(QUIET) else logging.INFO
    asked = request.method, request.path, response.status_code
    logger.log(level, "%s %s %d in %d ms", *asked, millis)
