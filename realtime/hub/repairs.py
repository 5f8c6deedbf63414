"""Repairs: what no trigger saw is written as if one had, and comes back in the ordinary way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from django.db import transaction

from permissions import accesslog
from permissions.accesslog import Touch
from permissions.audiences import registry
from permissions.representation import ObjectKey
from realtime.audit.ledger import Run
from realtime.capture import changes
from realtime.failures import log_failure
from realtime.metrics import DRIFT
from realtime.state.frames import Frame
from realtime.state.subscriptions import Subscription
from tenants import opaque
from tenants.users import User

logger = logging.getLogger(__name__)


class Repairs:
    """Writes the rows that are missing for one tenant, in the background, and counts them.

    `failed` are the objects for which it could not, and whether that was no drift.
    """

    def __init__(self, tenant_id: int, run: Run) -> None:
        self.tasks: dict[object, asyncio.Task[None]] = {}
        self.failed: dict[ObjectKey, bool] = {}
        self._tenant_id = tenant_id
        self._run = run

    def access(self, s: Subscription, read: Frame | None) -> None:
        """Repair access: a user now sees this of an object, without a row in the access log."""
        self._start("access", s, _moved(s, read), repair_access, s.user_id, s.key)

    def change(self, s: Subscription, read: Frame, *, showing: bool = False) -> None:
        """Repair a change: an object now shows this, without a new version or with a lowered one.

        That is no drift if it is `showing` a row that was written: whoever finds that raises it.
        """
        found = "" if showing else _differing(s, read)
        self._start("change", s, found, repair_change, s.key, read.version, s.version)

    def _start(
        self, what: str, s: Subscription, found: str, work: Callable[..., bool], *args: object
    ) -> None:
        """Repair it, unless a repair is under way: everybody who sees the object finds the same."""
        key = (work, *args)
        if key not in self.tasks:
            repair = self._repair(what, s, found, work, *args)
            self.tasks[key] = asyncio.get_running_loop().create_task(repair)
            self.tasks[key].add_done_callback(lambda _: self.tasks.pop(key))

    async def _repair(
        self, what: str, s: Subscription, found: str, work: Callable[..., bool], *args: object
    ) -> None:
        try:
            repaired = await self._run(work, self._tenant_id, *args)
        except Exception as error:
            # Of the object, not of the finder: others found the same, and the finder may end.
            self.failed[s.key] = not found
            log_failure(logger, "A repair failed; the tail's next look tries again", error)
            return
        if repaired and found:
            DRIFT.labels(s.key.model, what).inc()
            logger.warning(
                "A write to %s escaped capture (%s): %s. Repaired.",
                s.key.model, s.id, found,
            )  # fmt: skip


def _moved(s: Subscription, read: Frame | None) -> str:
    """Return which access moved, as far as can be known."""
    now = "nothing" if read is None else read.seen.audience
    return f"user {opaque.encode(User, s.user_id)} sees {now}, no longer {s.audience}"


def _differing(s: Subscription, read: Frame) -> str:
    """Return what moved of the object, as far as is known: bodies that were sent are not kept."""
    if read.version < s.version:
        return "the version went down"
    return f"what {read.seen.audience} sees moved, and the version did not"


# On a thread.


def repair_change(tenant_id: int, key: ObjectKey, version: int, above: int) -> bool:
    """Write the Change that is missing for an object whose payload moved without one.

    The new version is `above` + 1: `version`, or more if it was lowered while nothing captured it;
    then it is above all that the object ever had. Return False if somebody else raised it
    meanwhile: then nothing is missing.
    """
    model = registry.get(key.model).model
    with transaction.atomic():
        found = changes.locked(model, pk=key.pk)
        same = {"pk": key.pk, "tenant_id": tenant_id, "version": version}
        rows = {pk: row for pk, row in found.items() if row == same}
        if rows and version < above:
            changes.renew(model, tenant_id, key.pk)
        elif rows:
            changes.raise_versions(model, None, rows)
    return bool(rows)


def repair_access(tenant_id: int, user_id: int, key: ObjectKey) -> bool:
    """Write the AccessChange missing for a user whose audience moved without one; return True."""
    accesslog.record(tenant_id, [Touch(user_id, key.model, key.pk)], "repaired")
    return True
