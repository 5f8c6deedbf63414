"""Django's ASGI handler, without what keeps an answer in the memory after it was given."""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIHandler


class Handler(ASGIHandler):
    """Ends a request whose client has gone, or has its answer, without an exception.

    The traceback of Django's, in a cycle with the frame that has it and the answer, would keep both
    until the next garbage collection, which comes after so many objects, however large they are.
    """

    async def listen_for_disconnect(self, receive: Any) -> None:
        """Wait for the next message: after the body, it can only be that."""
        await receive()
