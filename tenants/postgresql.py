"""A PostgreSQL connection that does not wait for ever; imported only where PostgreSQL is used."""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import errors

from tenants.limits import limits

CANCEL_SECONDS: Final = 1.0


class NoAnswer(psycopg.OperationalError):
    """The server neither answers nor gives up the statement; the connection is closed."""

    def __init__(self) -> None:
        super().__init__("PostgreSQL did not respond in time.")


class Bounded(psycopg.Connection[Any]):
    """Gives up a statement that takes longer than `answer_seconds`, waiting for locks included.

    The server's `statement_timeout` would not do: a server that hangs does not keep to it, and a
    pooler in between may not pass it on.
    """

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, limits()["answer_seconds"])
        except errors._WaitTimeout:
            return self._give_up(gen, interval)

    def _give_up(self, gen: Any, interval: float) -> Any:
        """Cancel the statement: QueryCanceled, or the answer if it just came; else NoAnswer."""
        try:
            self.cancel_safe(timeout=CANCEL_SECONDS)
            return super().wait(gen, interval, CANCEL_SECONDS)
        except errors.QueryCanceled:
            raise
        except psycopg.OperationalError as error:
            self.pgconn.finish()
            raise NoAnswer from error
