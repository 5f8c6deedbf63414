"""Django's ASGI handler: a waiting request takes no thread, an answered one no memory, and one that
is worked on changes threads once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import JsonResponse
from django.http.response import HttpResponseBase

from tenants.arrivals import REFUSAL, RETRY_SECONDS, Arrivals, TooManyAtOnce
from tenants.bodies import BoundedBodies
from tenants.limits import limits


class Handler(ASGIHandler):
    """Lets few requests about passwords from one address be at work at once, and ends a request
    whose client has left, or has its answer, without an exception.

    Django's traceback forms a cycle with its frame and the answer, which would keep both until the
    next garbage collection; that comes after a number of objects, however large they are.
    """

    def __init__(self) -> None:
        super().__init__()
        self._idle: list[ThreadPoolExecutor] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request on the thread that was idle last, with what was kept there: Django would
        start two threads for each request. As many stay as there are connections for requests."""
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(1, "earshot-request")
        async with ThreadSensitiveContext(executor=thread):
            await self.handle(scope, receive, send)
        if len(self._idle) < limits()["database_connections"]:
            self._idle.append(thread)  # nothing is under way there; else it ends with its last work

    def load_middleware(self, is_async: bool = False) -> None:
        """Load the middleware to run in the request's thread together with its view: Django would
        change between the loop and the thread twice for each, which costs more than they do."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: Any) -> HttpResponseBase:
        """Return the response; a request about a password waits for its turn, or is refused."""
        answer = sync_to_async(self.get_response, thread_sensitive=True)
        turns = request.scope.get("turns")
        if turns is None:
            return await answer(request)
        try:
            async with turns.turn():
                return await answer(request)
        except TooManyAtOnce:
            told = {"Retry-After": str(RETRY_SECONDS)}
            return JsonResponse({"detail": REFUSAL, "code": "throttled"}, status=429, headers=told)

    async def listen_for_disconnect(self, receive: Any) -> None:
        """Wait for the next message: after the body, it can only be the disconnect."""
        await receive()


def http() -> BoundedBodies:
    """Return the ASGI application that serves HTTP: Django, behind what bounds its requests."""
    return BoundedBodies(Arrivals(Handler()))
