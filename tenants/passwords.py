"""Passwords: changed with the old one, or with a one-time link that came by e-mail.

The row is locked while it is decided, so a link works once and no token outlives the change; the
write itself ends the user's tokens, sessions and sockets (`tenants/standing.py`).
"""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import transaction
from rest_framework import exceptions, serializers

from tenants import links, mail, opaque, places
from tenants.credentials import WrongLogin
from tenants.models import User


class InvalidLink(exceptions.APIException):
    """No such user, an inactive one, a wrong token, a used or an old one: which is not said."""

    status_code = 400
    default_code = "invalid_link"
    default_detail = "This link is not, or no longer, good; ask for another one."


@transaction.atomic
def change(user_id: int, old: str, new: str) -> None:
    """Set a new password; raises WrongLogin for a wrong old one, ValidationError for a weak new."""
    user = _locked(user_id)
    if user is None or not user.check_password(old):
        raise WrongLogin
    _set(user, new)


@transaction.atomic
def confirm(user: str, token: str, new: str) -> None:
    """Set a new password by a link's parts; raises InvalidLink, or ValidationError for `new`.

    The link of an invitation accepts that one too, and no other link accepts any.
    """
    user_id = opaque.decode(User, user)
    found = None if user_id is None else _locked(user_id)
    if found is None:
        raise InvalidLink
    if not default_token_generator.check_token(found, token):
        invitation = links.invitation_by(found, token)
        if invitation is None or not places.join(invitation):
            raise InvalidLink
    _set(found, new)


def send_reset(email: str) -> None:
    """Send a link to every active user with this e-mail; the caller does not learn of any."""
    users = list(User.objects.filter(email__iexact=email, is_active=True))
    mail.send_later(lambda: [links.reset(user) for user in users])


def _locked(user_id: int) -> User | None:
    users = User.objects.select_for_update(no_key=True)
    return users.filter(pk=user_id, is_active=True).first()


def _set(user: User, new: str) -> None:
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise serializers.ValidationError({"new": error.messages}) from error
    user.set_password(new)
    user.save(update_fields=["password"])
