"""How sensitive a payload field is, as its serializer declares it in `Meta.sensitivity`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from permissions.review.entries import UNDECLARED

LABELS: Final = ("public", "internal", "confidential", "personal", "secret")
"""The labels that a serializer may declare, from the least sensitive."""

RANKS: Final = {label: rank for rank, label in enumerate((UNDECLARED, *LABELS))}
"""What is undeclared ranks below `public`: no rule for a label protects it."""


def declared(serializer: type[Any]) -> Mapping[str, str]:
    """Return the labels that the serializer declares, by payload field."""
    found: Mapping[str, str] = getattr(serializer.Meta, "sensitivity", {})
    return found


def label(serializer: type[Any], field: str) -> str:
    """Return the field's label, or `undeclared`."""
    return declared(serializer).get(field, UNDECLARED)


def is_lower(new: str, old: str) -> bool:
    """Return whether the new label protects less than the old; an unknown one counts as none."""
    return RANKS.get(new, 0) < RANKS.get(old, 0)


def several(labels: Iterable[str]) -> list[str]:
    """Return these labels, each once, the most sensitive first."""
    return sorted(set(labels), key=lambda name: -RANKS.get(name, 0))
