"""What docs/protocol.md says in code or as a table, for the tests that run it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

DOCUMENT = (Path(__file__).parent.parent / "docs" / "protocol.md").read_text()

Copies = dict[tuple[Any, Any], Any]


def rule() -> Callable[[Copies, dict[str, Any]], None]:
    """The rule for keeping copies, as the document has it."""
    found: Callable[[Copies, dict[str, Any]], None] = _names()["apply"]
    return found


def rule_of_windows() -> Callable[[dict[str, list[str]], dict[str, Any]], None]:
    """The rule for keeping the rows of windows, as the document has it."""
    found: Callable[[dict[str, list[str]], dict[str, Any]], None] = _names()["apply_to_window"]
    return found


def _names() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL):
        exec(block, names)
    return names


def close_codes() -> dict[int, str]:
    """Each close code of the document's tables, with what a client does."""
    section = DOCUMENT.split("### Close codes\n")[1]
    rows = re.findall(r"^\| (\d{4}(?:, \d{4})*) \| [^|]* \| ([^|]*) \|$", section, re.MULTILINE)
    return {int(code): do for codes, do in rows for code in codes.split(", ")}
