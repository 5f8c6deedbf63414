"""Ends of credentials: all of a user's at once, and what is forgotten with each one.

Triggers notice that their sockets must close (`realtime.capture`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models.signals import post_delete
from knox.models import get_token_model

from tenants import authenticators, revocations
from tenants.models import Session, Ticket


def connect() -> None:
    """Forget the revocations of credentials that end; called once, when the apps are ready."""
    for credential in (get_token_model(), Session):
        post_delete.connect(_on_credential_deleted, sender=credential)
    user_logged_in.connect(_on_logged_in)


@transaction.atomic
def end_credentials(user_ids: Collection[int]) -> None:
    """Delete all tokens, sessions and tickets of these users, and the rows of their others."""
    for model in (get_token_model(), Session, Ticket):
        model.objects.filter(user_id__in=user_ids).delete()
    for each in authenticators.others():
        if rows := each.rows():
            rows.model._base_manager.filter(**{f"{rows.user}__in": user_ids}).delete()


def _on_credential_deleted(instance: Any, **_: Any) -> None:
    kind = "session" if isinstance(instance, Session) else "token"
    revocations.forget((kind, instance.pk))
    revocations.end_old((kind, instance.pk))


def _on_logged_in(request: Any, user: Any, **_: Any) -> None:
    """Whoever logs in again has a new credential, although Django renews the existing session."""
    session = getattr(request, "session", None)
    # A login for a token may come with the cookie of somebody else's session.
    if session is not None and session.get(SESSION_KEY) == str(user.pk):
        revocations.forget(("session", session.session_key))
