"""What this layer tells the layers above."""

from django.dispatch import Signal

# `memberships: list[Membership]`, which were written, whoever wrote them, and whose users have
# joined. A receiver makes what belongs to them and is not there yet.
membership_written = Signal()

# Somebody is about to be removed from a tenant: `membership: Membership`, `by: int`, who removes
# them, and `heir: Membership | None`. A receiver hands over to the heir what they hold there, or
# raises `tenants.members.StillHolds`.
membership_ending = Signal()

# A member is about to be given the role that `membership: Membership` names, `by: int`, a user. A
# receiver that raises refuses it.
role_changing = Signal()
