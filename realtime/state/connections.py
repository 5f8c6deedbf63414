"""The sockets of a hub: how many there are of whom, and which may not be one more. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import chain

from realtime.state.due import Due
from realtime.state.sockets import Socket


class Connections:
    """Sockets by tenant; `unchecked` are those at which a round has still to look.

    How many sockets of a tenant other processes have is known of those that were `asked` about.
    """

    def __init__(self) -> None:
        self.of_tenant: dict[int, set[Socket]] = {}
        self.unchecked: set[Socket] = set()
        self.asked: set[int] = set()
        self._elsewhere: Counter[int] = Counter()
        self._of_user: Counter[int] = Counter()
        self.checked: Due[Socket] = Due()

    def __iter__(self) -> Iterator[Socket]:
        return chain.from_iterable(self.of_tenant.values())  # there are many: copy to await within

    def __len__(self) -> int:
        return sum(map(len, self.of_tenant.values()))

    def __bool__(self) -> bool:
        return bool(self.of_tenant)

    def __contains__(self, socket: Socket) -> bool:
        return socket in self.of_tenant.get(socket.tenant_id, ())

    def exceeded(self, socket: Socket, elsewhere: int = 0) -> str | None:
        """The name of the limit that this socket would exceed; the user has some `elsewhere`."""
        tenant_id = socket.tenant_id
        self.asked.add(tenant_id)
        if self._of_user[socket.user_id] + elsewhere >= socket.limits["sockets_per_user"]:
            return "sockets_per_user"
        ours = len(self.of_tenant.get(tenant_id, ())) + self._elsewhere[tenant_id]
        return "sockets_per_tenant" if ours >= socket.limits["sockets_per_tenant"] else None

    def learn(self, tenant_ids: Collection[int], elsewhere: Mapping[int, int]) -> None:
        """Other processes have so many sockets of these tenants; none where nothing is said."""
        for tenant_id in tenant_ids:
            self._elsewhere[tenant_id] = elsewhere.get(tenant_id, 0)
        self.asked.difference_update(tenant_ids)

    def add(self, socket: Socket) -> None:
        """Take a socket in."""
        self.of_tenant.setdefault(socket.tenant_id, set()).add(socket)
        self._of_user[socket.user_id] += 1
        self.unchecked.add(socket)

    def remove(self, socket: Socket) -> bool:
        """Let a socket go; whether it was its tenant's last."""
        self._of_user[socket.user_id] -= 1
        if not self._of_user[socket.user_id]:
            del self._of_user[socket.user_id]
        self.unchecked.discard(socket)
        self.checked.forget(socket)
        mine = self.of_tenant[socket.tenant_id]
        mine.remove(socket)
        if not mine:
            del self.of_tenant[socket.tenant_id]
            del self._elsewhere[socket.tenant_id]
        return not mine
