"""Whether sockets may stay: asked of the database for many at once, on a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from realtime.audit.ledger import Ledger, Run
from realtime.audit.models import Connection
from realtime.state.codes import Close
from realtime.state.connections import Connections
from realtime.state.sockets import Socket
from tenants.credentials import Held
from tenants.validity import Validity, validity

Holding = Mapping[Socket, Held]
"""Sockets, each with what must stay valid: a socket may be renewed while it is looked at."""


class SessionChecks:
    """Closes the sockets of a hub that may not stay."""

    def __init__(self, connections: Connections, ledger: Ledger, run: Run) -> None:
        self._connections = connections
        self._ledger = ledger
        self._run = run

    async def of_users(self, tenant_id: int, users: set[int] | None) -> None:
        """Close the sockets of these users (None: of all) that may not stay.

        New sockets are checked once more: their credentials may have ended between the check at the
        door and the registration, and nobody would say so again.
        """
        here = self._connections
        await self.of_sockets(
            [
                socket
                for socket in here.of_tenant.get(tenant_id, ())
                if users is None or socket.user_id in users or socket in here.unchecked
            ]
        )

    async def of_sockets(self, sockets: Collection[Socket]) -> None:
        """Close those of these sockets that may not stay."""
        if not sockets:
            return
        held = {socket: socket.held for socket in sockets}
        new = [socket for socket in sockets if socket.registered is None]
        renewed = [socket for socket in sockets if socket.registered not in (None, socket.key)]
        seen = await self._run(register_and_check, self._ledger.process, held, new, renewed)
        same = [socket for socket in sockets if socket.held == held[socket]]
        here = self._connections
        here.unchecked.difference_update(same)
        now = asyncio.get_running_loop().time()
        here.checked.looked_at((socket for socket in sockets if socket in here), now)
        for socket in sockets:
            socket.registered = held[socket][2].kind, held[socket][2].key
        for socket in same:
            socket.judge(seen[socket])
        self._ledger.leave(socket.id for socket in new if socket not in here)


def register_and_check(
    process: int, held: Holding, new: Collection[Socket], renewed: Collection[Socket]
) -> dict[Socket, Validity]:
    """Write rows for the new sockets, name in theirs what the renewed ones came in by, and say of
    all whether they may stay."""
    register(process, held, new)
    for socket in renewed:
        credential = held[socket][2]
        rows = Connection.objects.filter(pk=socket.id)
        rows.update(kind=credential.kind, key=credential.key)
    return may_stay(held)


def may_stay(held: Holding) -> dict[Socket, Validity]:
    """Say of each socket whether it may stay; a constant number of queries.

    It must be closed if its credential or membership ended, or an administrator wants it.
    """
    found = validity(held.values())
    wanted = Connection.objects.filter(pk__in=[s.id for s in held], closing=True)
    closing = set(wanted.values_list("pk", flat=True))
    wants = {s for s in held if s.id in closing and found[held[s]].code is None}
    return {s: Validity(Close.ENDED, None) if s in wants else found[held[s]] for s in held}


def register(process: int, held: Holding, new: Collection[Socket]) -> None:
    """Write a row for each socket that says which process it is in."""
    Connection.objects.bulk_create(
        Connection(
            id=socket.id,
            process_id=process,
            tenant_id=socket.tenant_id,
            user_id=socket.user_id,
            since=socket.since,
            address=socket.client.address,
            agent=socket.client.agent,
            transport=socket.client.transport,
            kind=held[socket][2].kind,
            key=held[socket][2].key,
        )
        for socket in new
    )
