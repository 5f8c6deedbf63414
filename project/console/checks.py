"""Checks of a deployment, for `manage.py check --deploy`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

from tenants import links, mail


def register_checks() -> None:
    """Run with `manage.py check --deploy` only: a server in development needs none of it."""
    for check in (check_links, check_mail, check_demo):
        checks.register(check, "earshot", deploy=True)


def check_links(**_: Any) -> list[checks.CheckMessage]:
    """Whoever is invited, or forgot their password, needs a link that leads to this server."""
    if links.are_set_up():
        return []
    return [
        checks.Error(
            "Nobody can be sent a link to set a password: EARSHOT_PASSWORD_LINK is not set.",
            hint="Set it to the public address of the page that sets passwords, such as "
            "https://earshot.example.com/password/#{user}/{token}",
            id="earshot.E101",
        )
    ]


def check_mail(**_: Any) -> list[checks.CheckMessage]:
    """Without e-mail, invitations and forgotten passwords reach nobody."""
    if mail.is_set_up():
        return []
    return [
        checks.Warning(
            "No e-mail is sent, so who is invited or forgot their password is not told.",
            hint="Set EMAIL_URL; or give new people their first password by "
            "`manage.py changepassword`.",
            id="earshot.W102",
        )
    ]


def check_demo(**_: Any) -> list[checks.CheckMessage]:
    """The demo's accounts have passwords that everybody knows."""
    if not getattr(settings, "DEMO", False):
        return []
    return [
        checks.Warning(
            "The demo is allowed: accounts with known passwords, and a page that uses them.",
            hint="Unset EARSHOT_DEMO and DEBUG.",
            id="earshot.W103",
        )
    ]
