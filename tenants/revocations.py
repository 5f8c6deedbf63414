"""Credentials that an admin ended for one tenant: good elsewhere, and nothing there."""

from __future__ import annotations

from typing import Final

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from knox.models import get_token_model

from tenants.models import Revocation, Session

Key = tuple[str, str]
"""The kind of a credential, and its key."""

REVOKED: Final = (
    "EXISTS (SELECT 1 FROM tenants_revocation r WHERE r.kind = %s AND r.key = %s"
    " AND r.tenant_id = tenants_membership.tenant_id)"
)


def revoke(tenant_id: int, key: Key) -> None:
    """From now on this credential, and what comes of it, is none in this tenant."""
    Revocation.objects.get_or_create(tenant_id=tenant_id, kind=key[0], key=key[1])


def revoked_there(key: Key) -> RawSQL:
    """For a query on memberships: whether the credential is revoked in their tenant.

    It is in every request, and to build it anew would cost as much as the rest of the query.
    """
    return RawSQL(REVOKED, key, BooleanField())  # noqa: S611 - the key is a parameter


def is_revoked(tenant_id: int, key: Key) -> bool:
    return _of(key).filter(tenant=tenant_id).exists()


def among(held: set[tuple[int, str, str]]) -> set[tuple[int, str, str]]:
    """Those of the (tenant id, kind, key) that are revoked, in one query."""
    tenants, _, keys = (set(column) for column in zip(*held, strict=True)) if held else ((),) * 3
    rows = Revocation.objects.filter(tenant_id__in=tenants, key__in=keys)
    return held & set(rows.values_list("tenant_id", "kind", "key"))


def tenants_of(key: Key) -> list[int]:
    """Where it is revoked; what is renewed from it must be there, too."""
    return list(_of(key).values_list("tenant_id", flat=True))


def forget(key: Key) -> None:
    """The credential ended everywhere."""
    _of(key).delete()


def forget_ended() -> int:
    """Clear up after credentials that ended without a word; how many rows went."""
    gone = ~Q(kind="token", key__in=get_token_model().objects.values("pk"))
    gone &= ~Q(kind="session", key__in=Session.objects.values("pk"))
    return Revocation.objects.filter(gone).delete()[0]


def _of(key: Key) -> QuerySet[Revocation]:
    return Revocation.objects.filter(kind=key[0], key=key[1])
