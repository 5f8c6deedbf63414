"""Passwords: changed with the old one, or with a one-time link that came by e-mail.

The row is locked while it is decided, so a link works once and no token outlives the change; the
write itself ends the user's tokens, sessions and sockets (`tenants/standing.py`).
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.db import transaction
from rest_framework import exceptions, serializers

from tenants import mail, opaque
from tenants.credentials import WrongLogin
from tenants.models import Tenant, User


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
    """Set a new password by a link's parts; raises InvalidLink, or ValidationError for `new`."""
    user_id = opaque.decode(User, user)
    found = None if user_id is None else _locked(user_id)
    if found is None or not default_token_generator.check_token(found, token):
        raise InvalidLink
    _set(found, new)


def link(user: User) -> str:
    """The link by which the user sets his password, once."""
    parts = {
        "user": opaque.encode(User, user.pk),
        "token": default_token_generator.make_token(user),
    }
    text: str = getattr(settings, "PASSWORD_LINK", "{user} {token}")
    for name, value in parts.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def send_reset(email: str) -> None:
    """Send a link to every active user with this e-mail; the caller does not learn of any."""
    users = list(User.objects.filter(email__iexact=email, is_active=True))
    mail.send_later(lambda: [_reset(user) for user in users])


def invitation(user: User, tenant: Tenant) -> EmailMessage:
    """Welcomes a new user, with the link to his first password."""
    return EmailMessage(
        f"You are invited to {tenant.name}",
        f"Your username is {user.username}. Set your password here, once:\n\n{link(user)}\n",
        to=[user.email],
    )


def notice(user: User, tenant: Tenant) -> EmailMessage:
    """Tells somebody who has a password already that he was added to a tenant."""
    return EmailMessage(
        f"You are now a member of {tenant.name}",
        f"An administrator of {tenant.name} ({tenant.slug}) added you, {user.username}.\n",
        to=[user.email],
    )


def _reset(user: User) -> EmailMessage:
    return EmailMessage(
        "Your new password",
        f"Somebody, probably you, asked for a new password for {user.username}. "
        f"Set it here, once:\n\n{link(user)}\n\nIf it was not you, nothing needs to be done.\n",
        to=[user.email],
    )


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
