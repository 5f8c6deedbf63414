"""What is answered over REST, for whoever records it: this app keeps no such record.

An app above it that does registers itself. Only tenants with `record_reads` are told of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Final, NamedTuple

from django.db import transaction

from permissions.representation import Representation
from tenants.keys import Key
from tenants.models import Tenant


class Disclosed(NamedTuple):
    """A user was answered with an object, as one audience."""

    tenant_id: int
    user_id: int
    model: str
    pk: Key
    audience: str


Record = Callable[[Collection[Disclosed]], None]
"""Records what is about to be answered; the answer fails with what it raises."""

_registered: Final[list[Record]] = []


def register(record: Record) -> None:
    """Tell this record from now on."""
    if record not in _registered:
        _registered.append(record)


def disclose(tenant: Tenant, user_id: int, shown: Iterable[Representation]) -> None:
    """Tell that a user is answered with these; within a transaction, once it has committed."""
    if not tenant.record_reads:
        return
    found = [Disclosed(tenant.pk, user_id, *each.key, each.audience) for each in shown]
    for record in _registered if found else ():
        transaction.on_commit(partial(record, found))
