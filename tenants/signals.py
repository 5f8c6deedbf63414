"""What this layer tells the layers above, always inside the transaction of the write."""

from django.dispatch import Signal

# A standing in a tenant changed: `tenant_id: int`, `user_id: int | None` (None: that of everybody
# there), `cause: str`, one of "membership", "user", "tenant", "credential".
standing_changed = Signal()

# `memberships: list[Membership]`, just created and with their primary keys.
membership_created = Signal()

# Somebody is about to be removed from a tenant: `membership: Membership`, `by: int`, who removes
# them, and `heir: Membership | None`. A receiver hands over to the heir what they hold there, or
# raises `tenants.members.StillHolds`.
membership_ending = Signal()

# A member is about to be given the role that `membership: Membership` names, `by: int`, a user. A
# receiver that raises refuses it.
role_changing = Signal()

# A password was hashed anew: `user_id: int`.
password_hashed_anew = Signal()
