"""The errors that system checks tell of, each with a number of its own."""

from __future__ import annotations

from typing import Any

from django.core import checks


def problem(number: int, message: str, hint: str, obj: Any = None) -> checks.Error:
    """Return an error of `manage.py check` with the id that is spelled with this number."""
    return checks.Error(message, hint=hint, obj=obj, id=f"earshot.E{number:03}")
