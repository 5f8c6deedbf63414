"""The protocol's table for windows: what is refused, and with which bytes."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance import DOCUMENT, Case, invalid, once

NAME = "Must be a string of 1 to 64 characters without control characters."
ROWS = "Must be an integer from 1 to 1000."
HAVE = "Must be an object of ids and etags."


def window(**more: Any) -> str:
    return json.dumps({"model": "resources.document", "window": "w", **more})


def refused(detail: str, ref: str = "") -> str:
    """A refusal names the window, as the client does."""
    ref = ref and f',"ref":{ref}'
    return f'{{"type":"ERROR","code":"invalid","detail":{json.dumps(detail)},"window":"w"{ref}}}'


NAMES: tuple[Any, ...] = ("", "x" * 65, "a\nb", "\x00", "\x7f", 5, True, [], {})
LIMITS: tuple[Any, ...] = (0, -1, 1001, 2**70, 1.0, 1.5, "1", True, [])
HAVES: tuple[Any, ...] = ([], "x", 5, {"a": 5}, {"a": None})
AFTERS: tuple[Any, ...] = (5, True, [], {})

WINDOWS: tuple[Case, ...] = (
    once("window and id", window(id="x"), refused("id: Unknown key.")),
    once("window and etag", window(etag="x", ref=1), refused("etag: Unknown key.", "1")),
    once(
        "window to end, and id",
        f'{{"action":"unsubscribe",{DOCUMENT},"window":"w","id":"x"}}',
        refused("id: Unknown key."),
    ),
    once("window of no model", '{"window":"w"}', refused("model: This field is required.")),
    once("window of another model", window(model="x.y"), refused("model: Unknown model.")),
    once("ping of a window", '{"action":"ping","window":"w"}', refused("window: Unknown key.")),
    once("window of an unknown action", window(action="x"), refused("action: unknown action.")),
    *(
        once(f"window named {name!r}", window(window=name), invalid(f"window: {NAME}"))
        for name in NAMES
    ),
    *(once(f"limit {limit!r}", window(limit=limit), refused(f"limit: {ROWS}")) for limit in LIMITS),
    *(once(f"have {have!r}", window(have=have), refused(f"have: {HAVE}")) for have in HAVES),
    once(
        "have too many",
        window(have={str(n): "e" for n in range(301)}),
        refused("have: Must have at most 300 entries."),
    ),
    *(
        once(f"after {after!r}", window(after=after), refused("after: Invalid type."))
        for after in AFTERS
    ),
)
