"""Served: what the rounds and windows of a tenant need of their hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from realtime.audit.ledger import Ledger, Run
from realtime.hub.group_membership import GroupMemberships
from realtime.hub.session_checks import SessionChecks
from realtime.state.due import Due
from realtime.state.subscriptions import Subscription
from realtime.state.windows import Window


class Served(Protocol):
    """What rounds need of their hub."""

    limits: Mapping[str, Any]
    due: Due[Subscription]
    windows_due: Due[Window]
    groups: GroupMemberships
    ledger: Ledger
    session_checks: SessionChecks

    @property
    def run(self) -> Run:
        """Run a plain function with its arguments on a thread."""

    def send_away(self, tenant_id: int) -> None:
        """Close the tenant's sockets: the database does not serve it."""
