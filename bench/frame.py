"""The frame that every contestant delivers: a small document, 400 bytes as JSON."""

from __future__ import annotations

from typing import Any

FRAME: dict[str, Any] = {
    "type": "UPDATE_DOCUMENT",
    "model": "resources.document",
    "id": "Xk3mWq9z",
    "audience": "viewer",
    "etag": "0" * 32,
    "changed": ["title"],
    "payload": {"id": "Xk3mWq9z", "title": "Title", "body": "Text " * 34, "status": "draft"},
}

BATCH = 50
"""How many of many objects change without a pause: channels_redis.core drops what is over 100."""
