"""The protocol's table for windows: what is refused, and with which bytes."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance_words import DOCUMENT, Case, invalid, once

NAME = "Must be a string of 1 to 64 characters without control characters."
NULL = "This field may not be null."
ROWS = "Must be an integer from 1 to 1000."
HAVE = "Must be an object of ids and etags."


def window(**more: Any) -> str:
    return json.dumps({"model": "resources.document", "window": "w", **more})


def refused(detail: str, ref: str = "") -> str:
    """A refusal names the window, as the client does."""
    ref = ref and f',"ref":{ref}'
    return f'{{"type":"ERROR","code":"invalid","detail":{json.dumps(detail)},"window":"w"{ref}}}'


NAMES: tuple[Any, ...] = ("", "x" * 65, "a\nb", "\x00", "\x7f", 5, True, [], {})
LIMITS: tuple[Any, ...] = (0, -1, 1001, 2**70, 1.0, 1.5, "1", True, [], {})
HAVES: tuple[Any, ...] = ([], "x", 5, {"a": 5}, {"a": None}, {"a": ["e"]})
AFTERS: tuple[Any, ...] = (5, True, [], {})

UNDECLARED = "This is not a declared filter."
COUNT = "There must be between 1 and 100 values."
TYPE = "Must be a string, or null."
NO_OBJECTS: tuple[Any, ...] = ([], "x", 5, True)
NO_TEXTS: tuple[Any, ...] = (5, True, {}, [5], ["draft", []])
WHERES: tuple[tuple[Any, str], ...] = (
    *((where, "`where` must be an object of fields and values.") for where in NO_OBJECTS),
    ({"title": "x"}, f"`title`: {UNDECLARED}"),
    ({"budget": "1.00", "status": "draft"}, f"`budget`: {UNDECLARED}"),
    ({"": "x"}, f"``: {UNDECLARED}"),
    *(({"status": value}, f"`status`: {TYPE}") for value in NO_TEXTS),
    ({"status": []}, f"`status`: {COUNT}"),
    ({"status": ["draft"] * 101}, f"`status`: {COUNT}"),
)

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
    once(
        "window to end, and limit",
        f'{{"action":"unsubscribe",{DOCUMENT},"window":"w","limit":1}}',
        refused("limit: Unknown key."),
    ),
    once(
        "window to end that is not there",
        f'{{"action":"unsubscribe",{DOCUMENT},"window":"w","ref":1}}',
        f'{{"type":"UNSUBSCRIBED",{DOCUMENT},"window":"w","ref":1}}',
    ),
    *(
        once(f"{name} of null", window(**{name: None}), refused(f"{name}: {NULL}"))
        for name in ("where", "limit", "after", "have")
    ),
    once("window of null", window(window=None), invalid(f"window: {NULL}")),
    *(
        once(f"where {str(where)[:40]}", window(where=where), refused(f"where: {detail}"))
        for where, detail in WHERES
    ),
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
