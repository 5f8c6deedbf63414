"""Django's ASGI handler: a waiting request takes no thread, an answered one no memory, and one that
is worked on changes threads once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, Full, LifoQueue
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import JsonResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from tenants.arrivals import REFUSAL, RETRY_SECONDS, Arrivals, TooManyAtOnce
from tenants.bodies import BoundedBodies
from tenants.limits import limits


class Handler(ASGIHandler):
    """Lets few requests about passwords from one address be at work at once, and ends a request
    whose client has left, or has its answer, without an exception.

    Django's traceback forms a cycle with its frame and the answer, which would keep both until the
    next garbage collection; that comes after a number of objects, however large they are.

    Requests are answered on threads that stay, as many as there are connections for requests:
    Django would start two for each, and change to it for each signal, too.
    """

    def __init__(self) -> None:
        super().__init__()
        self._idle: LifoQueue[ThreadPoolExecutor] = LifoQueue(limits()["database_connections"])

    def load_middleware(self, is_async: bool = False) -> None:
        """Load the middleware to run in the request's thread together with its view: Django would
        change between the loop and the thread twice for each, which costs more than they do."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request once its body is there."""
        with suppress(RequestAborted):
            body = await self.read_body(receive)
            set_script_prefix(get_script_prefix(scope))
            request, refused = self.create_request(scope, body)
            if refused is None:
                await self._while_there(receive, self._answer(request, send))
            else:
                body.close()
                await self.send_response(refused, send)

    async def _while_there(self, receive: Any, answer: Coroutine[Any, Any, None]) -> None:
        """Do this until it is done or the client has left."""
        create = asyncio.get_running_loop().create_task
        tasks = [create(self.listen_for_disconnect(receive)), create(answer)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _answer(self, request: Any, send: Any) -> None:
        """Work on the request on the thread that was idle last, with what was kept there."""
        try:
            thread = self._idle.get_nowait()
        except Empty:
            thread = ThreadPoolExecutor(1, "earshot-request")
        response: HttpResponseBase | None = None
        try:
            async with ThreadSensitiveContext(executor=thread):
                response = await self.run_get_response(request)
                await self.send_response(response, send)
        finally:
            # Nobody waits for this; and what a client that has left asked for may be under way.
            ended = thread.submit(self._end, request, response)
            ended.add_done_callback(lambda done: self._rest(thread, done))

    def _rest(self, thread: ThreadPoolExecutor, ended: Future[None]) -> None:
        """Keep a thread that has done its work, if there is room for it; else it ends."""
        with suppress(Full):
            self._idle.put_nowait(thread)
        ended.result()  # or log what went wrong

    async def get_response_async(self, request: Any) -> HttpResponseBase:
        """Return the response; a request about a password waits for its turn, or is refused."""
        answer = sync_to_async(self._begin, thread_sensitive=True)
        turns = request.scope.get("turns")
        if turns is None:
            return await answer(request)
        try:
            async with turns.turn():
                return await answer(request)
        except TooManyAtOnce:
            told = {"Retry-After": str(RETRY_SECONDS)}
            return JsonResponse({"detail": REFUSAL, "code": "throttled"}, status=429, headers=told)

    def _begin(self, request: Any) -> HttpResponseBase:
        signals.request_started.send(sender=type(self), scope=request.scope)
        return self.get_response(request)

    def _end(self, request: Any, response: HttpResponseBase | None) -> None:
        if response is None:
            signals.request_finished.send(sender=type(self))
        else:
            response.close()
        request.close()

    async def listen_for_disconnect(self, receive: Any) -> None:
        """Wait for the next message: after the body, it can only be the disconnect."""
        await receive()


def http() -> BoundedBodies:
    """Return the ASGI application that serves HTTP: Django, behind what bounds its requests."""
    return BoundedBodies(Arrivals(Handler()))
