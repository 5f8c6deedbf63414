"""A new membership gets its profile, in the same transaction."""

from __future__ import annotations

from typing import Any

from resources.profiles.models import Profile
from tenants.models import Membership, User
from tenants.signals import membership_written


def connect() -> None:
    """Listen to new memberships."""
    membership_written.connect(on_membership_written, dispatch_uid="earshot.profile")


def on_membership_written(memberships: list[Membership], **_: Any) -> None:
    """Create a profile for each that has none, under the person's full name, if it is known."""
    known = Profile.objects.across_tenants().filter(membership__in=memberships)
    there = set(known.values_list("membership_id", flat=True))
    users = User.objects.in_bulk([membership.user_id for membership in memberships])
    Profile.objects.bulk_create(
        Profile(
            tenant_id=membership.tenant_id,
            user_id=membership.user_id,
            membership=membership,
            **_known(users[membership.user_id], by_name=membership.by_name),
        )
        for membership in memberships
        if membership.pk not in there
    )


def _known(user: User, *, by_name: bool) -> dict[str, str]:
    """What the tenant may know of the person; an admin who typed a username is told no more.

    Never the username: all members see the display name, and usernames are not theirs to see.
    """
    name, email = ("", "") if by_name else (user.get_full_name(), user.email)
    length = Profile._meta.get_field("display_name").max_length
    return {"display_name": name[:length].strip(), "email": email}
