"""Renewing a token before it expires, and what a socket came in by: no gap, and nothing gained."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from knox.models import get_token_model

from tenants import revocations
from tenants.credentials import Identity, issue_token, membership_for, redeem
from tenants.limits import limits
from tenants.models import Ticket
from tenants.refused import NotAuthenticated, WrongLogin
from tenants.users import User

ENDED = ""
"""The beginning of a token that nobody can send: it opens nothing any more."""


@transaction.atomic
def renew_token(user: User, token: Any) -> tuple[Any, str]:
    """Return a new token's row and text in the place of this one, which opens nothing from now on.

    Sockets that the old one opened stay while a ticket would live, to be renewed meanwhile, and no
    longer than it would have. In tenants that revoked the old one the new one is revoked, too.
    """
    try:
        new, text = issue_token(user)
    except WrongLogin:  # the password changed, or the user was deactivated, a moment ago
        raise NotAuthenticated from None
    # Of several at the same time, who wait for the user's lock, one finds it.
    key = "token", token.pk
    revocations.lock(key)
    tokens = get_token_model().objects.filter(pk=token.pk).exclude(token_key=ENDED)
    old = tokens.first()
    if old is None:
        raise NotAuthenticated
    soon = timezone.now() + timedelta(seconds=limits()["ticket_seconds"])
    tokens.update(token_key=ENDED, expiry=min(soon, old.expiry or soon))
    Ticket.objects.filter(kind="token", key=old.pk).delete()
    revocations.inherit(revocations.tenants_of(key), key, ("token", new.pk))
    return new, text


def renew_identity(identity: Identity, ticket: str) -> Identity:
    """Return the identity with what this ticket stands for, if it is the same user's, for the same
    tenant; else raise `Refused`."""
    user, credential, tenant = redeem(ticket, user=identity.user_id, tenant=identity.tenant_id)
    place = membership_for(user, tenant.slug, (credential.kind, credential.key))
    return replace(identity, role=place.role, credential=credential)
