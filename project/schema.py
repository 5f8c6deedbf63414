"""The OpenAPI document: made once in each process, since it is the same for everybody."""

from __future__ import annotations

from hashlib import sha256
from threading import Lock
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_made: dict[str, bytes] = {}
# The generator's state is global: two at a time make wrong documents, or fail.
_making: Final = Lock()


class SchemaView(SpectacularAPIView):
    """The document as YAML or JSON, as the client accepts it or `?format=` says."""

    api_version = "1"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer: Any = request.accepted_renderer
        content = self._content(request, renderer)
        response = HttpResponse(content, content_type=f"{renderer.media_type}; charset=utf-8")
        response["Cache-Control"] = "public, no-cache"  # kept, and asked for whether it changed
        response["ETag"] = etag = quote_etag(sha256(content).hexdigest())
        name = self._get_filename(request, self.api_version)
        response["Content-Disposition"] = f'inline; filename="{name}"'
        plain: HttpRequest = request._request
        return get_conditional_response(plain, etag=etag, response=response) or response

    def _content(self, request: Request, renderer: BaseRenderer) -> bytes:
        kept = _made.get(renderer.media_type)
        if kept is None:
            with _making:
                kept = _made.get(renderer.media_type) or self._make(request, renderer)
                _made[renderer.media_type] = kept
        return kept

    def _make(self, request: Request, renderer: BaseRenderer) -> bytes:
        generator: Any = self.generator_class(api_version=self.api_version)
        document = generator.get_schema(request=None, public=True)
        made: Any = renderer.render(document, renderer.media_type, {})
        return bytes(made)
