"""What the layers below tell: who leaves a tenant or changes roles, and who is named a holder."""

from __future__ import annotations

from django.db.models.signals import m2m_changed

from permissions import holders, ownership_transfer, roles
from tenants.signals import membership_ending, role_changing


def connect() -> None:
    """Listen to members who leave or change roles, and to holders."""
    membership_ending.connect(
        ownership_transfer.on_membership_ending, dispatch_uid="earshot.ownership_transfer"
    )
    m2m_changed.connect(holders.on_linking, dispatch_uid="earshot.holders")
    role_changing.connect(roles.on_role_changing, dispatch_uid="earshot.roles")
