"""Turns: a process works on only a few of one tenant's requests at a time.

A request that waits while it holds a connection, above all for a row that another has locked, waits
at everybody's cost. So no tenant has more than a share of the connections; its other requests wait
here, holding none.
"""

from __future__ import annotations

from collections import Counter
from threading import Condition

from django.http import HttpRequest
from rest_framework.exceptions import Throttled

from tenants.connections import give_back
from tenants.limits import limits

RETRY_SECONDS = 1


class Turns:
    """Counts the requests at work, by tenant."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._working: Counter[int] = Counter()

    def take(self, request: HttpRequest, tenant_id: int) -> None:
        """Wait for this request's turn, which `end` ends; raise Throttled if it does not come.

        Nothing happens when nobody will end it (`begin`), or when the request has a turn already.
        """
        if vars(request).get("turn", 0) is not None:
            return
        with self._changed:
            working = self._begin(tenant_id)
        if not working:
            give_back()  # not while holding the lock, for which all tenants' requests wait
            wait = limits()["turn_seconds"]
            with self._changed:
                if not self._changed.wait_for(lambda: self._begin(tenant_id), wait):
                    raise Throttled(RETRY_SECONDS)
        vars(request)["turn"] = tenant_id

    def begin(self, request: HttpRequest) -> None:
        """Say that `end` will be called for this request."""
        vars(request)["turn"] = None

    def end(self, request: HttpRequest) -> None:
        """End the request's turn, and let another one work."""
        tenant_id = vars(request).pop("turn")
        if tenant_id is None:
            return
        with self._changed:
            self._working[tenant_id] -= 1
            if not self._working[tenant_id]:
                del self._working[tenant_id]
            self._changed.notify_all()

    def _begin(self, tenant_id: int) -> bool:
        """Count one more request of the tenant if a turn is free; return whether one was."""
        if self._working[tenant_id] >= limits()["turns_per_tenant"]:
            return False
        self._working[tenant_id] += 1
        return True


turns = Turns()
