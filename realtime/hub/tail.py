"""The tail: every couple of seconds, what committed since the last look and may have been lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from permissions.audiences import registry
from realtime.hub import reading
from realtime.hub.reading import Changed

if TYPE_CHECKING:
    from realtime.hub.hub import Hub
    from realtime.state.subscriptions import Subscription


async def run(hub: Hub) -> None:
    """Look once: notice the tenants' revisions, and ask for subscriptions that changes overtook."""
    async with hub.looking:
        for rounds in hub.rounds.values():
            rounds.retry()
        await _look(hub)


async def _look(hub: Hub) -> None:
    found = await hub.run(reading.read_tail, lambda: list(hub.rounds), hub.marks)
    first, hub.marks = hub.marks is None, found.marks
    for tenant_id in found.revisions.keys() & hub.rounds.keys():
        hub.rounds[tenant_id].notice(found.revisions[tenant_id])
    if first:  # nobody knows what committed before the first look
        for rounds in hub.rounds.values():
            rounds.ask(rounds.index.all)
    for changed in found.changed:
        asked = hub.rounds.get(changed.tenant_id)
        if asked is not None:
            asked.ask([s for s in asked.index.of_ref(changed.ref) if overtaken(s, changed)])
    for tenant_id, ref in found.showing:
        asked = hub.rounds.get(tenant_id)
        if asked is not None:
            asked.ask(_showing(asked.index.of_ref(ref)))


def _showing(subscriptions: Iterable[Subscription]) -> Iterator[Subscription]:
    """The same, which may show something else without that anybody has raised their version."""
    for s in subscriptions:
        s.showing = True
        yield s


def overtaken(s: Subscription, changed: Changed) -> bool:
    """Whether the change is newer than what the subscription has, and its audience sees it.

    A pending one counts too: the read that it waits for may be older than the change, and this
    look is the only one that finds it.
    """
    if changed.version <= s.version:  # nearly always, and there may be many of both
        return False
    resource = registry.get(changed.ref.model)
    audience = None if s.audience is None else resource.audience(s.audience)
    return audience is None or bool(resource.changed(audience, changed.fields))
