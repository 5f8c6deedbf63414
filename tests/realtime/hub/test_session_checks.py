"""Which sockets are asked about, of those that a hub has."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from realtime.hub.session_checks import SessionChecks
from realtime.state.connections import Connections
from realtime.state.sockets import Socket
from tests.realtime.pieces import socket

NOBODY: Any = None


class Asked(SessionChecks):
    """Remembers about which sockets it would ask."""

    def __init__(self, *sockets: Socket) -> None:
        self.here = Connections()
        self.asked: set[Socket] = set()
        for one in sockets:
            self.here.add(one)
        super().__init__(self.here, NOBODY, NOBODY)

    async def of_sockets(self, sockets: Collection[Socket]) -> None:
        self.asked = set(sockets)


async def test_sockets_of_these_users_are_checked_in_one_tenant() -> None:
    one, two, other = socket(1), socket(2), socket(1, tenant_id=2)
    checks = Asked(one, two, other)
    checks.here.unchecked.clear()
    for tenant_id, users, asked in ((1, {1}, {one}), (1, None, {one, two}), (3, None, set())):
        await checks.of_users(tenant_id, users)
        assert checks.asked == asked


async def test_new_ones_are_checked_whoever_is_asked_for() -> None:
    new = socket(2)
    checks = Asked(new)
    await checks.of_users(1, {1})
    assert checks.asked == {new}
