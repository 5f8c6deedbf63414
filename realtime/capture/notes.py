"""Notes: what the capture leaves of rows that others show, and the rows that they are about.

A note is a Change of version 0, which stands for no version: its row need not have any. It holds
the row as it was, if it existed: whoever showed it then may have to show something else now.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS

from permissions.loading import load_rows
from permissions.representation import ObjectKey
from realtime.failures import log_failure

logger = logging.getLogger(__name__)

WAS = "was"


@dataclass(frozen=True, slots=True)
class Note:
    """A row was written, and may be gone now; `was` has columns of the row before the write."""

    key: ObjectKey
    was: Mapping[str, Any] | None


def noted(key: ObjectKey, fields: Any) -> Note:
    """Return the note that a Change of version 0 holds."""
    was = fields.get(WAS) if isinstance(fields, dict) else None
    return Note(key, was if isinstance(was, dict) else None)


def rows(notes: Iterable[Note]) -> dict[type[Any], list[Any]]:
    """Return the rows of the notes, as they are and as they were, by model."""
    by_label: defaultdict[str, list[Note]] = defaultdict(list)
    for note in notes:
        by_label[note.key.model].append(note)
    found: dict[type[Any], list[Any]] = {}
    for label, some in by_label.items():
        model = _model(label)
        if model is not None:
            known = model._base_manager.filter(pk__in={note.key.pk for note in some})
            now = list(load_rows(known).values())
            found[model] = [*now, *(row for note in some if (row := _before(model, note)))]
    return found


def _model(label: str) -> Any:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):  # written by another release
        return None


def _before(model: Any, note: Note) -> Any:
    """Return the row as it was, as far as it is known; None if it is not."""
    was = note.was or {}
    known = [(f, was[f.column]) for f in model._meta.concrete_fields if f.column in was]
    if not known:
        return None
    try:
        values = [field.to_python(value) for field, value in known]
        return model.from_db(DEFAULT_DB_ALIAS, [field.attname for field, _ in known], values)
    except Exception as error:  # a field's own conversion may raise anything
        log_failure(
            logger,
            f"The earlier {note.key.model} cannot be read; the sweep checks what showed it",
            error,
        )
        return None
