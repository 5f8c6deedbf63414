"""Plain values as texts that are the same in every process: what a digest covers besides code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from operator import attrgetter, itemgetter, methodcaller
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

SCALARS: Final = (
    str, int, float, complex, bool, bytes, type(None), Decimal, date, time, timedelta, UUID, range,
)  # fmt: skip
GETTERS: Final = (attrgetter, itemgetter, methodcaller)
"""Functions that are objects, and say what they get."""
LISTS: Final = (list, tuple)
SETS: Final = (set, frozenset)
ADDRESS: Final = re.compile(r" (?:object )?at 0x[0-9a-f]+")


def plain(value: Any) -> str | None:
    """Return a value's text, the same in every process; None for what is no plain value."""
    if isinstance(value, Enum):
        return f"{type(value).__qualname__}.{value.name}={plain(value.value)}"
    if isinstance(value, SCALARS):
        return repr(value)
    if isinstance(value, re.Pattern):
        return f"pattern {value.pattern!r} {value.flags}"
    if isinstance(value, LISTS):
        return f"[{', '.join(map(_part, value))}]"
    if isinstance(value, SETS):
        return f"{{{', '.join(sorted(map(_part, value)))}}}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_part(k)}: {_part(v)}' for k, v in value.items())}}}"
    if isinstance(value, GETTERS):
        return ADDRESS.sub("", repr(value))
    return _of_query(value)


def _part(value: Any) -> str:
    """Return the text of a part of a value: of code the name, of other things the type's."""
    named = value if inspect.isroutine(value) or inspect.isclass(value) else type(value)
    text = plain(value)
    return f"{named.__module__}.{named.__qualname__}" if text is None else text


def _of_query(value: Any) -> str | None:
    """Return the text of a part of a query, without asking the database; None for what is none."""
    if isinstance(value, Q):
        return f"Q {value.connector} {value.negated} {plain(value.children)}"
    if isinstance(value, QuerySet):
        query = value.query
        parts = (query.where, query.annotations, query.order_by, query.low_mark, query.high_mark)
        return ADDRESS.sub("", f"rows of {value.model._meta.label} {parts}")
    given = getattr(value, "_constructor_args", None)  # of expressions, and of validators
    return None if given is None else f"{type(value).__qualname__} {plain(given)}"
