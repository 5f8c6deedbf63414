"""What the lock tells of a declaration that shows more than before."""

from __future__ import annotations

from typing import Any

from permissions.review.comparing import compare
from permissions.review.verdict import lines


def told(old: Any, new: Any) -> list[str]:
    """The lines about a resource that is wider than its entry says."""
    return [line for line in lines(compare({"a.b": old}, {"a.b": new})) if line.startswith("WIDER")]
