"""Whether sockets may stay: asked of the database for many at once, on a thread."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from realtime.audit.models import Connection
from realtime.state.codes import Close
from realtime.state.sockets import Socket
from tenants.credentials import Held
from tenants.validity import Validity, validity

Holding = Mapping[Socket, Held]
"""Sockets, each with what must stay valid: a socket may be renewed while it is looked at."""


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
            kind=held[socket][2].kind,
            key=held[socket][2].key,
        )
        for socket in new
    )
