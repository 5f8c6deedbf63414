"""Says `standing_changed`, whichever way the ORM wrote."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.db import models, transaction
from django.db.models.signals import post_delete, post_save
from django.utils import timezone
from knox.models import get_token_model

from tenants import revocations, watching
from tenants.models import Membership, Session, State, Tenant, Ticket, User
from tenants.roles import drop_groups
from tenants.signals import membership_created, password_hashed_anew, standing_changed
from tenants.watching import Change, Row


def connect() -> None:
    """Listen to all that standing depends on; called once, when the apps are ready."""
    watching.connect()
    watching.rows_changed.connect(_on_memberships, sender=Membership)
    watching.rows_changed.connect(_on_tenants, sender=Tenant)
    watching.rows_changed.connect(_on_users, sender=User)
    for credential in (get_token_model(), Session):
        post_delete.connect(_on_credential_deleted, sender=credential)
    post_save.connect(_on_token_saved, sender=get_token_model())
    password_hashed_anew.connect(_on_password_hashed_anew, sender=User)
    user_logged_in.connect(_on_logged_in)


@transaction.atomic
def end_credentials(user_ids: Collection[int]) -> None:
    """Delete all tokens, sessions and tickets of these users."""
    # Said before the deletions say it user by user: tenants must be touched in ascending order.
    _announce(user_ids, "credential")
    for model in (get_token_model(), Session, Ticket):
        model.objects.filter(user_id__in=user_ids).delete()


def _on_memberships(changes: list[Change], created: list[Membership], **_: Any) -> None:
    # While somebody is only invited, nobody's standing changes.
    changes = [change for change in changes if any(map(_joined, change))]
    rows = [row for change in changes for row in change if row]
    pairs = sorted({(row["tenant_id"], row["user_id"]) for row in rows})
    if members := [m for m in created if m.state != State.INVITED] + _accepted(changes):
        membership_created.send(Membership, memberships=members)
    for tenant_id, user_id in pairs:
        _send(tenant_id, user_id, "membership")


def _joined(row: Row | None) -> bool:
    return row is not None and (row["is_active"] or row["invited_at"] is None)


def _accepted(changes: list[Change]) -> list[Membership]:
    """The invitations that became memberships, by their users' consent or by the operator."""
    rows: models.QuerySet[Membership] = models.QuerySet(Membership)
    active = [a["pk"] for _, a in changes if a and a["is_active"] and a["invited_at"]]
    if active:  # else, deactivated, they would be invited again
        rows.filter(pk__in=active).update(invited_at=None)
    became = [a["pk"] for b, a in changes if b and a and not _joined(b)]
    return list(rows.filter(pk__in=became)) if became else []


def _on_tenants(changes: list[Change], **_: Any) -> None:
    for tenant_id in sorted(before["pk"] for before, after in changes if before and after):
        _send(tenant_id, None, "tenant")
    drop_groups([before["pk"] for before, after in changes if before and not after])


def _on_users(changes: list[Change], **_: Any) -> None:
    both = [(before, after) for before, after in changes if before and after]
    _announce([a["pk"] for b, a in both if a["is_active"] != b["is_active"]], "user")
    renewed = [a["pk"] for b, a in both if a["password"] != b["password"]]
    if renewed:
        end_credentials(renewed)


def _on_credential_deleted(instance: Any, **_: Any) -> None:
    session = isinstance(instance, Session)
    revocations.forget(("session" if session else "token", instance.pk))
    expiry = instance.expire_date if session else instance.expiry
    # One that had expired ended then; clearing up after it changes nothing.
    if instance.user_id is not None and (expiry is None or expiry > timezone.now()):
        _announce([instance.user_id], "credential")


def _on_token_saved(instance: Any, created: bool, **_: Any) -> None:
    # It may have been given an earlier end, or to somebody else.
    if not created:
        _announce([instance.user_id], "credential")


def _on_password_hashed_anew(user_id: int, **_: Any) -> None:
    # Tokens go on; sessions carry a digest of the old hash, and end.
    _announce([user_id], "credential")


def _announce(user_ids: Collection[int], cause: str) -> None:
    places = Membership.objects.joined().filter(user_id__in=user_ids)
    places = places.order_by("tenant_id", "user_id")
    for tenant_id, user_id in places.values_list("tenant_id", "user_id"):
        _send(tenant_id, user_id, cause)


def _send(tenant_id: int, user_id: int | None, cause: str) -> None:
    standing_changed.send(Membership, tenant_id=tenant_id, user_id=user_id, cause=cause)


def _on_logged_in(request: Any, user: Any, **_: Any) -> None:
    """Who logs in again has a new credential, though Django renews the session that was there."""
    session = getattr(request, "session", None)
    # A login for a token may come with the cookie of somebody else's session.
    if session is not None and session.get(SESSION_KEY) == str(user.pk):
        revocations.forget(("session", session.session_key))
