"""How answers become bytes."""

from __future__ import annotations

from typing import Any

import orjson
from django.utils.encoding import force_str
from rest_framework import renderers


class JSONRenderer(renderers.JSONRenderer):
    """JSON by orjson, which takes a payload's bytes as they were rendered."""

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        return b"" if data is None else orjson.dumps(data, default=force_str)
