"""A user's memberships and invitations, and what they decide: accept, decline, leave."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.http import Http404

from tenants import revocations
from tenants.credentials import Key
from tenants.members import end, turn
from tenants.models import Membership, State
from tenants.refused import NotAuthenticated


def of_user(user_id: int) -> QuerySet[Membership]:
    """Return the user's active memberships and invitations in tenants that are not suspended."""
    open_to = Q(is_active=True) | Q(invited_at__isnull=False)
    return Membership.objects.filter(open_to, user_id=user_id, tenant__is_active=True)


def accept(user_id: int, slug: str, key: Key | None = None) -> None:
    """Turn the user's invitation there into a membership; raise Http404 if there is none."""
    place = find(user_id, slug, key)
    if place.state != State.INVITED or not join(place):
        raise Http404


def join(invitation: Membership) -> bool:
    """Turn an invitation into a membership; return False if it is no longer one."""
    with turn(invitation.tenant):
        there = Membership.objects.invited().filter(tenant__is_active=True)
        member = there.filter(pk=invitation.pk).first()
        if member is None:
            return False
        member.is_active = True
        member.save(update_fields=["is_active", "invited_at"])
    return True


def leave(user_id: int, slug: str, key: Key | None = None) -> None:
    """Decline, or leave; raise Http404, LastAdmin and StillHolds."""
    place = find(user_id, slug, key)
    with turn(place.tenant):
        end(find(user_id, slug, key), None, by=user_id)


def find(user_id: int, slug: str, key: Key | None) -> Membership:
    """Return the user's place there; raise NotAuthenticated if the credential is revoked there."""
    mine = of_user(user_id).filter(tenant__slug=slug.replace("\0", " "))
    place = mine.select_related("tenant").first()
    if place is None:
        raise Http404
    if key is not None and revocations.is_revoked(place.tenant_id, key):
        raise NotAuthenticated
    return place
