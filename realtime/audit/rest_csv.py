"""Who could have seen what as CSV over REST: streamed, as it may have millions of rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from rest_framework.renderers import BaseRenderer

from tenants.connections import give_back


class CSVRenderer(BaseRenderer):
    """Stands for CSV in the negotiation of content; it renders nothing, since CSV is streamed."""

    media_type = "text/csv"
    format = "csv"
    charset = None

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        """What OPTIONS says of the call is no table."""
        return b""


def streamed(request: Any, name: str, parts: Iterator[str]) -> StreamingHttpResponse:
    """Return an answer that is made of these parts while it is sent; between two of them, it holds
    no connection."""
    inside = isinstance(request._request, ASGIRequest)
    content = _in_thread(_returning(parts)) if inside else _returning(parts)
    response = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _returning(parts: Iterator[str]) -> Iterator[str]:
    for part in parts:
        give_back()
        yield part


async def _in_thread(parts: Iterator[str]) -> AsyncIterator[str]:
    step = sync_to_async(lambda: next(parts, None))
    while (part := await step()) is not None:
        yield part
