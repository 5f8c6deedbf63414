"""The tail: every couple of seconds, what committed since the last look and may have been lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from django.db.models import QuerySet

from permissions import accesslog, commits
from permissions.audiences import registry
from permissions.commits import Between, Mark
from permissions.models import AccessChange
from permissions.representation import ObjectKey
from permissions.snapshot import in_snapshot
from realtime.audit.ledger import Run
from realtime.capture import changes, dependents
from realtime.capture.models import Change
from realtime.capture.notes import noted
from realtime.hub.rounds import Rounds
from realtime.state.subscriptions import Subscription


class Tailed(Protocol):
    """What the tail needs of a hub: the rounds of each tenant, and a thread with a database."""

    rounds: dict[int, Rounds]

    @property
    def run(self) -> Run:
        """Run a plain function with its arguments on a thread."""


class Tail:
    """The position of a hub's tail: `marks`, None before its first look."""

    def __init__(self, hub: Tailed) -> None:
        self.marks: list[Mark] | None = None
        self.looking = asyncio.Lock()
        self._hub = hub

    async def look(self) -> None:
        """Look once: notice the tenants' revisions, and ask for what changes overtook."""
        async with self.looking:
            for rounds in self._hub.rounds.values():
                rounds.retry()
            await self._look()

    async def _look(self) -> None:
        served: Mapping[int, Rounds] = self._hub.rounds
        found = await self._hub.run(read_tail, lambda: list(served), self.marks)
        first, self.marks = self.marks is None, found.marks
        for tenant_id in found.revisions.keys() & served.keys():
            served[tenant_id].notice(found.revisions[tenant_id])
        if first:  # nobody knows what committed before the first look
            for rounds in served.values():
                rounds.ask_all()
        for changed in found.changed:
            asked = served.get(changed.tenant_id)
            if asked is not None:
                asked.ask([s for s in asked.index.of_key(changed.key) if overtaken(s, changed)])
                asked.arrivals.see(changed)
        for tenant_id, key in found.showing:
            asked = served.get(tenant_id)
            if asked is not None:
                rows = list(asked.index.of_key(key))
                asked.index.showing.update(rows)
                asked.ask(rows)


def overtaken(s: Subscription, changed: Changed) -> bool:
    """Return whether the change is newer than what the subscription has, and visible to its
    audience.

    Pending ones count too: the read that they wait for may be older than the change, and this look
    is the only one that finds it.
    """
    if changed.version <= s.version:  # nearly always, and there may be many of both
        return False
    resource = registry.get(changed.key.model)
    audience = None if s.audience is None else resource.audience(s.audience)
    return audience is None or bool(resource.changed(audience, changed.fields))


# On a thread, in one snapshot.


@dataclass(frozen=True, slots=True)
class Changed:
    """One row that the tail found: the object's version, what it changed (None: any), and whether
    it created the object."""

    tenant_id: int
    key: ObjectKey
    version: int
    fields: Collection[str] | None
    creation: bool = False


@dataclass(frozen=True, slots=True)
class TailReading:
    """What the tail found, and where the next one begins."""

    revisions: Mapping[int, int]
    changed: list[Changed]
    showing: set[tuple[int, ObjectKey]]
    marks: list[Mark]


def read_tail(served: Callable[[], Collection[int]], marks: Sequence[Mark] | None) -> TailReading:
    """Return what committed after the marks in the tenants that are `served`: changes, and access
    revisions that rose. Without marks: all revisions, and no changes.

    It costs what all tenants' changes do, however many are served. `served` is asked when the
    snapshot is taken: sockets that come later read later.
    """
    return in_snapshot(lambda guarded: _read_tail(served, marks, guarded))


def _read_tail(
    served: Callable[[], Collection[int]], marks: Sequence[Mark] | None, guarded: bool
) -> TailReading:
    now = commits.marks([Change, AccessChange])
    if marks is None:
        return TailReading(accesslog.revisions(served()), [], set(), now)
    (before, accessed), (after, accessed_now) = marks, now
    writers = {tenant_id for (tenant_id,) in _WRITERS(before, after)}
    tenants = writers & set(served())
    written = Change._base_manager.filter(before.until(after)).order_by()
    changed = _changed(written.filter(tenant_id__in=tenants, version__gt=0)) if tenants else []
    # A note may be of no tenant: that counts as a writer, too.
    showing = _showing_noted(written, served(), guarded) if writers else set()
    for tenant_id in tenants:
        mine = [(row.key, row.fields) for row in changed if row.tenant_id == tenant_id]
        showing |= dependents.showing(tenant_id, mine, guarded=guarded)
    risen = dict(_RISEN(accessed, accessed_now))
    return TailReading(risen, changed, showing, now)


_WRITERS: Final = Between(Change, lambda rows: rows.values_list("tenant_id").distinct(), mine=False)
_RISEN: Final = Between(AccessChange, accesslog.highest, mine=False)


def _showing_noted(
    rows: QuerySet[Any], tenants: Collection[int], guarded: bool
) -> set[tuple[int, ObjectKey]]:
    """Return what shows, in these tenants, the rows of notes, which may be of no tenant."""
    notes = rows.filter(version=0).order_by("pk").values_list("model", "object_id", "fields")
    found = dependents.showing_noted(
        [noted(ObjectKey(model, pk), fields) for model, pk, fields in notes], guarded=guarded
    )
    return {(tenant_id, key) for tenant_id, key in found if tenant_id in tenants}


def _changed(rows: QuerySet[Any]) -> list[Changed]:
    return [
        Changed(tenant_id, ObjectKey(model, pk), version, changes.known(fields), creation)
        for tenant_id, model, pk, version, fields, creation in rows.order_by("pk").values_list(
            "tenant_id", "model", "object_id", "version", "fields", "creation"
        )
    ]
