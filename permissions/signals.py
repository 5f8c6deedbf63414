"""What the layers below tell: who leaves a tenant or changes roles."""

from __future__ import annotations

from permissions import ownership_transfer, roles
from tenants.signals import membership_ending, role_changing


def connect() -> None:
    """Listen to members who leave or change roles."""
    membership_ending.connect(
        ownership_transfer.on_membership_ending, dispatch_uid="earshot.ownership_transfer"
    )
    role_changing.connect(roles.on_role_changing, dispatch_uid="earshot.roles")
