"""Checks of a deployment, for `manage.py check --deploy`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

from tenants import links, mail


def register_checks() -> None:
    """Register checks that run only with `manage.py check --deploy`."""
    for check in (check_links, check_mail, check_demo):
        checks.register(check, "earshot", deploy=True)


def check_links(**_: Any) -> list[checks.CheckMessage]:
    """Check that password links lead to this server."""
    if links.are_set_up():
        return []
    return [
        checks.Error(
            "No links to set a password can be sent: EARSHOT_PASSWORD_LINK is not set.",
            hint="Set it to the public address of the page that sets passwords, such as "
            "https://earshot.example.com/password/#{user}/{token}",
            id="earshot.E101",
        )
    ]


def check_mail(**_: Any) -> list[checks.CheckMessage]:
    """Check that e-mail is sent, for invitations and forgotten passwords."""
    if mail.is_set_up():
        return []
    return [
        checks.Warning(
            "No e-mail is sent: invitations and links to set a password reach nobody.",
            hint="Set EMAIL_URL, or set new users' first passwords with "
            "`manage.py changepassword`.",
            id="earshot.W102",
        )
    ]


def check_demo(**_: Any) -> list[checks.CheckMessage]:
    """Check that the demo, whose passwords everybody knows, is off."""
    if not getattr(settings, "DEMO", False):
        return []
    return [
        checks.Warning(
            "The demo is enabled: it has publicly known passwords and a page that uses them.",
            hint="Unset EARSHOT_DEMO and DEBUG.",
            id="earshot.W103",
        )
    ]
