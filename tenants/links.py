"""Links by e-mail to set a password: what each is good for, and the letters that bring them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator, default_token_generator
from django.core.mail import EmailMessage

from tenants import opaque, users
from tenants.failures import Told
from tenants.models import Membership
from tenants.users import User


class InvitationTokens(PasswordResetTokenGenerator):
    """Tokens by which a new user sets a password and accepts this invitation, and no other."""

    def __init__(self, invitation: Membership) -> None:
        super().__init__()
        self.key_salt = f"{type(self).__qualname__}:{invitation.pk}"


class NoLink(Told):
    """There is no page to which people could be sent."""

    def __str__(self) -> str:
        return (
            "EARSHOT_PASSWORD_LINK is not set, so no link to set a password can be made. Set it "
            "to the public address of the page for it, https://.../password/#{user}/{token}"
        )


def are_set_up() -> bool:
    """Return whether there is a page for links; other projects may not have the setting."""
    return bool(getattr(settings, "PASSWORD_LINK", True))


def invitation_by(user: User, token: str) -> Membership | None:
    """Return the user's invitation that this token accepts, if any."""
    invitations = Membership.objects.invited().filter(user_id=user.pk, tenant__is_active=True)
    for invitation in invitations.select_related("tenant"):
        if InvitationTokens(invitation).check_token(user, token):
            return invitation
    return None


def link(user: User) -> str:
    """Return the single-use link by which the user sets a password; raise NoLink without a page."""
    return _spell(user, default_token_generator.make_token(user))


def reset(user: User) -> EmailMessage:
    """Return the e-mail with the link to reset a password."""
    return EmailMessage(
        "Set a new password",
        f"Somebody, probably you, asked to reset the password of {user.get_username()}. Set a new "
        f"one with this link, which works once:\n\n{link(user)}\n\nIf this was not you, you can "
        "ignore this e-mail.\n",
        to=[users.address_of(user)],
    )


def welcome(user: User, name: str) -> EmailMessage:
    """Return the e-mail with which a new member of the named tenant sets a first password."""
    return _welcome(user, name, "Set your password with this link, which works once", link(user))


def invitation(member: Membership) -> EmailMessage:
    """Return the invitation e-mail; without a password, its link sets one and accepts."""
    user, tenant = member.user, member.tenant
    if not user.has_usable_password():
        address = _spell(user, InvitationTokens(member).make_token(user))
        return _welcome(
            user,
            tenant.name,
            "To accept, set your password with this link, which works once",
            address,
        )
    return EmailMessage(
        f"You have been invited to {tenant.name}",
        f"An administrator of {tenant.name} ({tenant.slug}) has invited you, "
        f"{user.get_username()}. Log in to accept or decline; nothing changes for you until you "
        "accept.\n",
        to=[users.address_of(user)],
    )


def _welcome(user: User, name: str, what: str, address: str) -> EmailMessage:
    return EmailMessage(
        f"You have been invited to {name}",
        f"Your username is {user.get_username()}. {what}:\n\n{address}\n",
        to=[users.address_of(user)],
    )


def _spell(user: User, token: str) -> str:
    if not are_set_up():
        raise NoLink
    text: str = getattr(settings, "PASSWORD_LINK", "{user} {token}")
    return text.replace("{user}", opaque.encode(User, user.pk)).replace("{token}", token)
