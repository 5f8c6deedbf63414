"""What is captured of the ledger's own tables: an administrator's request to close a socket."""

from __future__ import annotations

from collections.abc import Iterator

from realtime.audit.models import Connection
from realtime.capture.tables import Access, of_table


def closings() -> Iterator[Access]:
    """Yield the table whose rows touch a user when one of their connections is to be closed."""
    yield Access(
        **of_table(Connection),
        cause="closed",
        touch="SELECT r.tenant_id AS tenant, r.user_id, NULL, NULL FROM {row} r WHERE r.closing",
        events=("UPDATE",),
        watch=("closing",),
    )
