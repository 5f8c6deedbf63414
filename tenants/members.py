"""A tenant's members: what its admins decide, one at a time, so that an active admin stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from rest_framework import serializers

from tenants import links, mail, opaque, users
from tenants.credentials import active_memberships
from tenants.hosted import are_kept_elsewhere
from tenants.models import Membership, Role, State, Tenant
from tenants.refusals import Conflict
from tenants.signals import membership_ending, role_changing
from tenants.users import User


class LastAdmin(Conflict):
    """Without this admin nobody could administer the tenant."""

    default_code = "last_admin"
    default_detail = "This is the only active admin; make somebody else an admin first."


class AlreadyMember(Conflict):
    """The user already has a membership, active or not, or an invitation."""

    default_code = "already_member"
    default_detail = "This user is already a member, or has already been invited."


class NotAccepted(Conflict):
    """Nobody becomes a member without their consent."""

    default_code = "not_accepted"
    default_detail = "This user has not accepted the invitation yet."


class UsernameTaken(Conflict):
    """A new user cannot have this name."""

    default_code = "username_taken"
    default_detail = "This username is taken; leave out the e-mail to invite the existing user."


class StillHolds(Conflict):
    """Objects would be left without their owner."""

    default_code = "still_holds"
    default_detail = "This member still owns objects; specify ?transfer_to=<user id>."


class KeptElsewhere(Conflict):
    """The project's own rows say who is a member, and ours follow them."""

    default_code = "kept_elsewhere"
    default_detail = "Who is a member here is kept by the application itself; change it there."


@contextmanager
def turn(tenant: Tenant) -> Iterator[None]:
    """Run in a transaction in which nobody else changes members of the tenant; raise KeptElsewhere
    if they follow the project's own."""
    if tenant.source is not None and are_kept_elsewhere():
        raise KeptElsewhere
    with transaction.atomic():
        Tenant.objects.select_for_update(no_key=True).filter(pk=tenant.pk).values_list("pk").get()
        yield


def add(actor: Membership, username: str, role: str) -> Membership:
    """Invite an existing user; the tenant learns no more than the username."""
    with turn(actor.tenant):
        _check_admin(actor)
        user = User._default_manager.filter(users.active(), **{users.NAME: username}).first()
        if user is None:
            raise serializers.ValidationError({"username": ["User not found."]})
        _check_new(actor.tenant, user)
        try:
            with transaction.atomic():
                return _invite(actor.tenant, user, role, by_name=True)
        except IntegrityError as error:  # somebody who waits for no turn was as fast
            raise AlreadyMember from error


def invite(actor: Membership, username: str, email: str, role: str) -> Membership:
    """Invite a new user, whose link sets a first password and accepts."""
    with turn(actor.tenant):
        _check_admin(actor)
        if taken := users.named(username):
            _check_new(actor.tenant, taken)
            raise UsernameTaken
        try:
            with transaction.atomic():
                user = users.new(username, email)
        except IntegrityError as error:  # another tenant's admin was as fast
            raise UsernameTaken from error
        return _invite(actor.tenant, user, role, by_name=False)


def change(actor: Membership, member_id: str, **fields: object) -> Membership:
    """Change a member's role or activity; raise Http404, LastAdmin and NotAccepted."""
    with turn(actor.tenant):
        member = _find(actor.tenant, member_id)
        if member.state == State.INVITED and fields.get("is_active"):
            raise NotAccepted
        for name, value in fields.items():
            setattr(member, name, value)
        if not (member.is_active and member.role == Role.ADMIN):
            _check_admin_stays(member)
        _check_admin(actor)
        if "role" in fields:
            role_changing.send(Membership, membership=member, by=actor.user_id)
        member.save(update_fields=list(fields))
    return member


def remove(actor: Membership, member_id: str, heir_id: str | None) -> None:
    """End a membership; what the member holds goes to the heir, a user's id, or raise StillHolds.

    An invitation is withdrawn: somebody who is only invited holds nothing.
    """
    with turn(actor.tenant):
        member = _find(actor.tenant, member_id)
        _check_admin(actor)
        heir = _heir(member, heir_id) if heir_id else None
        end(member, heir, by=actor.user_id)


def end(member: Membership, heir: Membership | None, by: int) -> None:
    """End a membership or an invitation, in its tenant's turn; raise LastAdmin and StillHolds."""
    if member.state != State.INVITED:
        _check_admin_stays(member)
        membership_ending.send(Membership, membership=member, heir=heir, by=by)
    member.delete()


def _invite(tenant: Tenant, user: User, role: str, *, by_name: bool) -> Membership:
    member = Membership.objects.create(
        tenant=tenant,
        user=user,
        role=role,
        is_active=False,
        invited_at=timezone.now(),
        by_name=by_name,
    )
    if users.address_of(user):
        transaction.on_commit(
            lambda: mail.send_later(lambda: [links.invitation(member)]), robust=True
        )
    return member


def _find(tenant: Tenant, member_id: str) -> Membership:
    pk = opaque.decode(Membership, member_id)
    members = Membership.objects.filter(tenant=tenant).select_related("user")
    member = None if pk is None else members.filter(pk=pk).first()
    if member is None:
        raise Http404
    return member


def _heir(member: Membership, user_id: str) -> Membership:
    pk = opaque.decode(User, user_id)
    others = active_memberships().filter(users.active("user__"), tenant=member.tenant_id)
    heir = None if pk is None else others.exclude(pk=member.pk).filter(user=pk).first()
    if heir is None:
        raise serializers.ValidationError({"transfer_to": ["No other active member has this id."]})
    return heir


def _admins(tenant_id: int) -> QuerySet[Membership]:
    admins = Membership.objects.filter(tenant=tenant_id, role=Role.ADMIN)
    return admins.filter(users.active("user__"), is_active=True)


def _check_admin_stays(member: Membership) -> None:
    """Raise LastAdmin if the member, as stored, is the only active admin."""
    if list(_admins(member.tenant_id).values_list("pk", flat=True)[:2]) == [member.pk]:
        raise LastAdmin


def _check_admin(actor: Membership) -> None:
    """Check again: the actor may have been demoted while they waited for their turn."""
    if not _admins(actor.tenant_id).filter(pk=actor.pk).exists():
        raise PermissionDenied


def _check_new(tenant: Tenant, user: User) -> None:
    if Membership.objects.filter(tenant=tenant, user=user).exists():
        raise AlreadyMember
