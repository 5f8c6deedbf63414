"""Links by e-mail to set a password: what each is good for, and the letters that bring them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator, default_token_generator
from django.core.mail import EmailMessage

from tenants import opaque
from tenants.failures import Told
from tenants.models import Membership, User


class InvitationTokens(PasswordResetTokenGenerator):
    """Tokens by which a new user sets a password and accepts this invitation, and no other."""

    def __init__(self, invitation: Membership) -> None:
        super().__init__()
        self.key_salt = f"{type(self).__qualname__}:{invitation.pk}"


class NoLink(Told):
    """There is no page to which people could be sent."""

    def __str__(self) -> str:
        return (
            "EARSHOT_PASSWORD_LINK is not set, so there is no link to set a password. Set it to "
            "the public address of the page that does, https://.../password/#{user}/{token}"
        )


def are_set_up() -> bool:
    """Whether links lead anywhere; other projects may have none and spell out the parts."""
    return bool(getattr(settings, "PASSWORD_LINK", True))


def invitation_by(user: User, token: str) -> Membership | None:
    """The user's invitation that this token accepts, if any."""
    invitations = Membership.objects.invited().filter(user_id=user.pk, tenant__is_active=True)
    for invitation in invitations.select_related("tenant"):
        if InvitationTokens(invitation).check_token(user, token):
            return invitation
    return None


def link(user: User) -> str:
    """The link by which the user sets a password, once; raises NoLink."""
    return _spell(user, default_token_generator.make_token(user))


def reset(user: User) -> EmailMessage:
    """Brings a link to a new password."""
    return EmailMessage(
        "Your new password",
        f"Somebody, probably you, asked for a new password for {user.username}. "
        f"Set it here, once:\n\n{link(user)}\n\nIf it was not you, nothing needs to be done.\n",
        to=[user.email],
    )


def welcome(user: User, name: str) -> EmailMessage:
    """Brings the link to a first password to a new member of the tenant of this name."""
    return _welcome(user, name, "Set your password here, once", link(user))


def invitation(member: Membership) -> EmailMessage:
    """Tells who is invited; those without a password get a link that sets one and accepts."""
    user, tenant = member.user, member.tenant
    if not user.has_usable_password():
        address = _spell(user, InvitationTokens(member).make_token(user))
        return _welcome(user, tenant.name, "To accept, set your password here, once", address)
    return EmailMessage(
        f"You are invited to {tenant.name}",
        f"An administrator of {tenant.name} ({tenant.slug}) invites you, {user.username}. "
        "Log in to accept or to decline; until you accept, nothing changes for you.\n",
        to=[user.email],
    )


def _welcome(user: User, name: str, what: str, address: str) -> EmailMessage:
    return EmailMessage(
        f"You are invited to {name}",
        f"Your username is {user.username}. {what}:\n\n{address}\n",
        to=[user.email],
    )


def _spell(user: User, token: str) -> str:
    if not are_set_up():
        raise NoLink
    text: str = getattr(settings, "PASSWORD_LINK", "{user} {token}")
    return text.replace("{user}", opaque.encode(User, user.pk)).replace("{token}", token)
