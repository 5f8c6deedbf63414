"""The groups of the models of which a tenant has windows in this process.

Before it joins one, a process says that it has windows of the model: else publishers do not send.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from realtime.audit import watches
from realtime.hub.group_membership import Group, Membership
from realtime.publishing import groups

if TYPE_CHECKING:
    from realtime.hub.served import Served


class ModelGroups:
    """Joins a model's group and leaves it; calls `joined` with the model when it is usable."""

    def __init__(self, tenant_id: int, hub: Served, joined: Callable[[str], None]) -> None:
        self._tenant_id = tenant_id
        self._hub = hub
        self._joined = joined
        self._groups: dict[str, Group] = {}
        self._watches: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    async def is_joined(self, model: str) -> bool:
        """Return whether the process is in the model's group; if not, say so and join it."""
        if model not in self._watches:
            self._watches[model] = await self._hub.run(
                watches.watch, self._hub.ledger.process, self._tenant_id, model
            )
        name = groups.of_model(self._tenant_id, model)
        group = self._hub.groups.want(name, lambda _: self._joined(model))
        group.pinned = True
        self._groups[model] = group
        return group.membership is Membership.JOINED

    def begin_anew(self) -> None:
        """What was said of windows was forgotten: say it again."""
        self._watches.clear()

    def keep(self, models: Collection[str]) -> None:
        """Leave the groups of all other models, and take back what was said of them."""
        for model in self._groups.keys() - models:
            self._groups[model].pinned = False
            self._hub.groups.leave_unwanted(self._groups[model])
            if self._groups[model].membership is not Membership.JOINING:
                del self._groups[model]  # else it is left once it is joined
        gone = self._watches.keys() - models
        self._hub.ledger.unwatch([self._watches.pop(model) for model in gone])
