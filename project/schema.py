"""The contracts as they are served: made once in each process, since they are the same for all."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from project.contracts import asyncapi as socket
from project.contracts.openapi import ContractGenerator
from tenants.encoding import dumps

VERSION: Final = "1"

_made: dict[str, bytes] = {}
# The generator's state is global: two at a time make wrong documents, or fail.
_making: Final = Lock()


def made(name: str, make: Callable[[], bytes]) -> bytes:
    """Return what `make` has made under this name, once in this process."""
    kept = _made.get(name)
    if kept is None:
        with _making:
            kept = _made.get(name) or make()
            _made[name] = kept
    return kept


def answer(request: HttpRequest, content: bytes, kind: str, file: str) -> HttpResponseBase:
    """Return the response with a document, or 304 to who has it."""
    response = HttpResponse(content, content_type=kind)
    response["Cache-Control"] = "public, no-cache"  # kept, and asked for whether it changed
    response["ETag"] = etag = quote_etag(sha256(content).hexdigest())
    response["Content-Disposition"] = f'inline; filename="{file}"'
    return get_conditional_response(request, etag=etag, response=response) or response


def openapi_document() -> dict[str, Any]:
    """Return a new OpenAPI document."""
    return ContractGenerator(api_version=VERSION).get_schema(public=True)


def asyncapi_document() -> dict[str, Any]:
    """Return a new AsyncAPI document."""
    return socket.document(ContractGenerator().payload_schemas())


class SchemaView(SpectacularAPIView):
    """The OpenAPI document as YAML or JSON, as the client accepts it or `?format=` says."""

    api_version = VERSION

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        renderer: Any = request.accepted_renderer
        content = made(renderer.media_type, lambda: self._make(renderer))
        kind = f"{renderer.media_type}; charset=utf-8"
        name = self._get_filename(request, self.api_version)
        return answer(request._request, content, kind, name)

    def _make(self, renderer: BaseRenderer) -> bytes:
        rendered: Any = renderer.render(openapi_document(), renderer.media_type, {})
        return bytes(rendered)


def _socket() -> bytes:
    return made("asyncapi", lambda: dumps(asyncapi_document()))


@require_safe
def asyncapi(request: HttpRequest) -> HttpResponseBase:
    """Return the AsyncAPI document as JSON."""
    return answer(request, _socket(), "application/json", "Earshot socket.json")


class SocketDocsView(TemplateView):
    """A page that shows the AsyncAPI document."""

    http_method_names = ["get", "head"]
    template_name = "console/socket.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        document = json.loads(_socket())
        messages = document["components"]["messages"]
        directions = [
            {
                "summary": operation["summary"],
                "messages": [
                    shown(messages[each["$ref"].rpartition("/")[2]])
                    for each in operation["messages"]
                ],
            }
            for operation in map(document["operations"].get, ("send", "receive"))
        ]
        channel = document["channels"]["socket"]
        return super().get_context_data(
            info=document["info"],
            channel=channel,
            close_codes=channel["x-close-codes"],
            limits=channel["x-limits"],
            directions=directions,
            schemas=[
                {"name": name, "schema": json.dumps(schema, indent=2)}
                for name, schema in document["components"]["schemas"].items()
            ],
            **kwargs,
        )


def shown(message: dict[str, Any]) -> dict[str, str]:
    """Return a message as the page shows it."""
    return {
        "name": message["name"],
        "summary": message["summary"],
        "example": json.dumps(message["examples"][0]["payload"], indent=2, ensure_ascii=False),
        "schema": json.dumps(message["payload"], indent=2, ensure_ascii=False),
    }
