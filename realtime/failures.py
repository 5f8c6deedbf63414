"""Logging a failure without what it was about: messages of exceptions may quote a payload."""

from __future__ import annotations

import logging
import time
import traceback

from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError

from tenants import optional
from tenants.failures import reason as reason_of

logger = logging.getLogger(__name__)

OF_THE_BROKER = optional.errors("redis.exceptions", "ConnectionError", "TimeoutError")
GONE_FROM_THE_NET: tuple[type[Exception], ...] = (ConnectionError, TimeoutError, *OF_THE_BROKER)
GONE = ("08", "57", "53")
"""Classes of SQLSTATE: no connection, the operator's intervention, no resources."""


class Outage:
    """Something shared that may be away: told when it begins and when it ends, not in between."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._since: float | None = None
        self._failures = 0

    def began(self) -> bool:
        """Count a failure; whether it is the first."""
        self._failures += 1
        if self._since is not None:
            return False
        self._since = time.monotonic()
        return True

    def over(self) -> None:
        """It works; if it did not before, say so."""
        if self._since is None:
            return
        seconds, failures = time.monotonic() - self._since, self._failures
        self._since, self._failures = None, 0
        logger.warning(
            "%s responds again after %.1f s and %d failures.", self.name, seconds, failures
        )


database = Outage("The database")
broker = Outage("The broker")


def outage_of(error: BaseException) -> Outage | None:
    """What is away if this is raised: the database, the broker, or nothing that is shared."""
    if isinstance(error, OperationalError | InterfaceError):
        cause = error.__cause__
        state = getattr(cause, "sqlstate", "") if hasattr(cause, "sqlstate") else "none"
        return database if state is None or state.startswith(GONE) else None
    if isinstance(error, DatabaseError):
        return None
    return broker if isinstance(error, GONE_FROM_THE_NET) else None


def reason(error: BaseException) -> str:
    """What the log may say of it; the broker's connection errors are quoted too."""
    if isinstance(error, OF_THE_BROKER):
        return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    return reason_of(error)


def log_failure(
    logger: logging.Logger, what: str, error: BaseException, *, connection: str = ""
) -> None:
    """Log what failed, why, and where it was raised; in an outage of what all share, once."""
    outage = outage_of(error)
    if outage is not None and not outage.began():
        return
    until = "" if outage is None else " (logged again when it is over)"
    where = "".join(traceback.format_tb(error.__traceback__))
    belongs = {"connection": connection} if connection else None
    logger.error("%s: %s%s\n%s", what, reason(error), until, where, extra=belongs)


def log_broken(logger: logging.Logger, what: str, error: BaseException) -> None:
    """Log a warning without the place, for what happens when the broker is away."""
    outage = outage_of(error)
    if outage is None or outage.began():
        logger.warning("%s: %s", what, reason(error))
