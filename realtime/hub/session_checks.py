"""Whether sockets may stay: asked of the database for many at once, on a thread."""

from __future__ import annotations

from collections.abc import Collection

from realtime.audit.models import Connection
from realtime.state.codes import Close
from realtime.state.sockets import Socket
from tenants import credentials


def register_and_check(
    process: int, sockets: Collection[Socket], new: Collection[Socket]
) -> dict[Socket, Close]:
    """Write rows for the new sockets; return those to be closed, with their close codes."""
    register(process, new)
    return close_codes(sockets)


def close_codes(sockets: Collection[Socket]) -> dict[Socket, Close]:
    """Return the sockets that must be closed, with their close codes; a constant number of queries.

    A socket must be closed if its credential or membership ended, or an administrator wants it.
    """
    ended = credentials.ended({socket.held for socket in sockets})
    wanted = Connection.objects.filter(pk__in=[s.id for s in sockets], closing=True)
    closing = set(wanted.values_list("pk", flat=True))
    codes = {s: Close.ENDED for s in sockets if s.id in closing}
    return codes | {s: Close(ended[s.held]) for s in sockets if s.held in ended}


def register(process: int, new: Collection[Socket]) -> None:
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
            kind=socket.identity.credential.kind,
            key=socket.identity.credential.key,
        )
        for socket in new
    )
