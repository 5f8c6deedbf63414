"""Objects that cannot be shown: each fails alone, and is counted and logged once."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from django.db import DatabaseError, connection

from tenants import opaque
from tenants.connections import is_away
from tenants.keys import Key
from tenants.multiprocess import Counter

if TYPE_CHECKING:
    from permissions.audiences import Audience, Resource

logger = logging.getLogger(__name__)

UNAVAILABLE = Counter(
    "earshot_unavailable",
    "Objects that could not be shown to an audience, counted once per kind of error.",
    ["model", "audience"],
)

REMEMBERED: Final = 10_000
"""The number of failures to remember, so that each is logged once."""

_told: OrderedDict[tuple[str, int, str, type[Exception]], None] = OrderedDict()
_lock = threading.Lock()


def raise_database_s(error: Exception) -> None:
    """Raise the error again if it is the database's, or has spoiled the open transaction."""
    if is_away(error) or (isinstance(error, DatabaseError) and _is_spoiled()):
        raise error


def _is_spoiled() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return True
    return False


def tell(resource: Resource, audience: Audience, pk: Key, error: Exception) -> None:
    """Count and log that an object cannot be shown, without values, which messages may quote."""
    key = (resource.label, pk, audience.name, type(error))
    with _lock:
        known = key in _told
        _told[key] = None
        _told.move_to_end(key)
        if len(_told) > REMEMBERED:
            _told.popitem(last=False)
    if known:
        return
    UNAVAILABLE.labels(resource.label, audience.name).inc()
    logger.error(
        "%s %s cannot be shown to audience %s: %s at %s.",
        resource.label, _spelled(resource, pk), audience.name, type(error).__name__, _where(error),
    )  # fmt: skip


def _spelled(resource: Resource, pk: Key) -> str:
    try:
        return opaque.encode(resource.model, pk)
    except Exception:  # an invalid key may be the reason why the object cannot be shown
        return "with a key that has no id"


def _where(error: Exception) -> str:
    """Return the file and line that raised the error."""
    at: Any = error.__traceback__
    while at.tb_next is not None:
        at = at.tb_next
    return f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}"
