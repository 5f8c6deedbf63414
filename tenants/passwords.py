"""Passwords: changed with the old one, or with a one-time link that came by e-mail.

Hashing is slow, so it is done holding neither a connection nor a lock (`tenants/hashing.py`). Then
the row is locked, and written only if it still has the password that was read: so a link works
once, and no token outlives the change. The write itself ends the user's tokens, sessions and
sockets (`tenants/ended_credentials.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import transaction
from rest_framework import exceptions, serializers

from tenants import hashing, links, mail, opaque, places, users
from tenants.models import Membership
from tenants.refused import WrongLogin
from tenants.users import User


class InvalidLink(exceptions.APIException):
    """The user is unknown or inactive, or the token is wrong, used or old; which is not said."""

    status_code = 400
    default_code = "invalid_link"
    default_detail = "This link is invalid or has expired; request a new one."


@dataclass(frozen=True, slots=True)
class Link:
    """Whose password a valid link sets, and which invitation it accepts."""

    user: User
    invitation: Membership | None


def change(user_id: int, old: str, new: str) -> None:
    """Set a new password; raise WrongLogin for a wrong old one, ValidationError for a weak one."""
    user = _active(user_id)
    if user is None or not user.check_password(old):
        raise WrongLogin
    encoded = _hashed(user, new)
    with transaction.atomic():
        if not _unchanged(user):
            raise WrongLogin
        _write(user, encoded, new)


def follow(user: str, token: str) -> Link:
    """Return the link that has these parts; raise InvalidLink.

    An invitation's link accepts that invitation, and no other link accepts any.
    """
    user_id = opaque.decode(User, user)
    found = None if user_id is None else _active(user_id)
    if found is None:
        raise InvalidLink
    if default_token_generator.check_token(found, token):
        return Link(found, None)
    invitation = links.invitation_by(found, token)
    if invitation is None:
        raise InvalidLink
    return Link(found, invitation)


def confirm(link: Link, new: str) -> None:
    """Set a new password by a link; raise InvalidLink, or ValidationError for `new`."""
    encoded = _hashed(link.user, new)
    with transaction.atomic():
        if not _unchanged(link.user):
            raise InvalidLink
        if link.invitation is not None and not places.join(link.invitation):
            raise InvalidLink
        _write(link.user, encoded, new)


def send_reset(email: str) -> None:
    """Send a link to every active user with this e-mail; the caller does not learn of any."""
    found = users.at(email)
    mail.send_later(lambda: [links.reset(user) for user in found])


def _active(user_id: int) -> User | None:
    return User._base_manager.filter(users.active(), pk=user_id).first()


def _hashed(user: User, new: str) -> str:
    """Return the hash of a new password; raise ValidationError for a weak one."""
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise serializers.ValidationError({"new": error.messages}) from error
    return hashing.encode(new)


def _unchanged(user: User) -> bool:
    """Lock the user's row; return whether they are active and have the password that was read."""
    rows = User._base_manager.select_for_update(no_key=True)
    return bool(rows.filter(users.active(), pk=user.pk, password=user.password))


def _write(user: User, encoded: str, new: str) -> None:
    user.password, user._password = encoded, new
    user.save(update_fields=["password"])
