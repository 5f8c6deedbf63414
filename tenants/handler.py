"""Django's ASGI handler: a waiting request takes no thread, an answered one no memory, and one that
is worked on changes threads once."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from tenants.addresses import address_of
from tenants.arrivals import Arrivals, TooManyAtOnce, is_about_a_password

REFUSAL = {"detail": "Request was throttled. Expected available in 1 second.", "code": "throttled"}


class Handler(ASGIHandler):
    """Lets few requests about passwords from one address be at work at once, and ends a request
    whose client has left, or has its answer, without an exception.

    Django's traceback forms a cycle with its frame and the answer, which would keep both until the
    next garbage collection; that comes after a number of objects, however large they are.
    """

    def __init__(self) -> None:
        super().__init__()
        self._arrivals = Arrivals()

    def load_middleware(self, is_async: bool = False) -> None:
        """Load the middleware to run in the request's thread together with its view: Django would
        change between the loop and the thread twice for each, which costs more than they do."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response; a request about a password waits for its turn, or is refused."""
        answer = sync_to_async(self.get_response, thread_sensitive=True)
        if not is_about_a_password(request):
            return await answer(request)
        try:
            async with self._arrivals.turn(address_of(request)):
                return await answer(request)
        except TooManyAtOnce:
            return JsonResponse(REFUSAL, status=429, headers={"Retry-After": "1"})

    async def listen_for_disconnect(self, receive: Any) -> None:
        """Wait for the next message: after the body, it can only be the disconnect."""
        await receive()
