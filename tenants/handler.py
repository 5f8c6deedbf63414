"""Django's ASGI handler: who waits takes no thread, and what was answered no memory."""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from tenants.addresses import address_of
from tenants.arrivals import Arrivals, TooManyAtOnce, is_about_a_password

REFUSAL = {"detail": "Request was throttled. Expected available in 1 second.", "code": "throttled"}


class Handler(ASGIHandler):
    """Lets few requests of an address that are about passwords be at work at once, and ends a
    request whose client has gone, or has its answer, without an exception.

    The traceback of Django's, in a cycle with the frame that has it and the answer, would keep both
    until the next garbage collection, which comes after so many objects, however large they are.
    """

    def __init__(self) -> None:
        super().__init__()
        self._arrivals = Arrivals()

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """The response; a request about a password waits until it is its turn, or is refused."""
        if not is_about_a_password(request):
            return await super().get_response_async(request)
        try:
            async with self._arrivals.turn(address_of(request)):
                return await super().get_response_async(request)
        except TooManyAtOnce:
            return JsonResponse(REFUSAL, status=429, headers={"Retry-After": "1"})

    async def listen_for_disconnect(self, receive: Any) -> None:
        """Wait for the next message: after the body, it can only be that."""
        await receive()
