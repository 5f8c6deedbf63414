"""How sensitive a payload field is, as its serializer declares it in `Meta.sensitivity`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from permissions.review.entries import UNDECLARED

LABELS: Final = ("public", "internal", "confidential", "personal", "secret")
"""The labels that a serializer may declare, the least sensitive first."""

RANKS: Final = {label: rank for rank, label in enumerate((UNDECLARED, *LABELS))}
"""What nobody declared is less than `public`: no rule for a label protects it."""


def declared(serializer: type[Any]) -> Mapping[str, str]:
    """The labels that the serializer declares, by the payload's fields."""
    found: Mapping[str, str] = getattr(serializer.Meta, "sensitivity", {})
    return found


def label(serializer: type[Any], field: str) -> str:
    """The field's label, or `undeclared`."""
    return declared(serializer).get(field, UNDECLARED)


def is_lower(new: str, old: str) -> bool:
    """Whether the new label protects less than the old one; an unknown one is like none."""
    return RANKS.get(new, 0) < RANKS.get(old, 0)


def several(labels: Iterable[str]) -> list[str]:
    """These labels, each once, the most sensitive first."""
    return sorted(set(labels), key=lambda name: -RANKS.get(name, 0))
