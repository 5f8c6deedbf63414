"""How responses become bytes."""

from __future__ import annotations

import json
from typing import Any

import orjson
from django.utils.encoding import force_str
from rest_framework import renderers

from tenants.encoding import dumps


class JSONRenderer(renderers.JSONRenderer):
    """Renders JSON with orjson, and embeds a payload's bytes as they were rendered."""

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        if data is None:
            return b""
        try:
            return dumps(data, default=force_str)
        except orjson.JSONEncodeError:  # an error that repeats a client's unpaired surrogate
            return json.dumps(data, default=force_str).encode()
