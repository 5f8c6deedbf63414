"""Credentials that an admin ended for one tenant: valid elsewhere, and invalid there."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from knox.models import get_token_model

from tenants.models import Membership, Revocation, Session

Key = tuple[str, str]
"""The kind of a credential, and its key."""

REVOKED: Final = (
    f"EXISTS (SELECT 1 FROM {Revocation._meta.db_table} r WHERE r.kind = %s AND r.key = %s"  # noqa: S608 - ours
    f" AND r.tenant_id = {Membership._meta.db_table}.tenant_id)"
)


def revoke(tenant_id: int, key: Key) -> None:
    """Make this credential, and whatever is derived from it, invalid in this tenant from now on."""
    Revocation.objects.get_or_create(tenant_id=tenant_id, kind=key[0], key=key[1])


def revoked_there(key: tuple[Any, Any]) -> RawSQL:
    """Return an expression for queries on memberships: whether their tenant revoked the credential.

    It is part of every request, and building it anew would cost as much as the rest of the query.
    """
    return RawSQL(REVOKED, key, BooleanField())  # noqa: S611 - the key is a parameter


def is_revoked(tenant_id: int, key: Key) -> bool:
    return _of(key).filter(tenant=tenant_id).exists()


def among(held: set[tuple[int, str, str]]) -> set[tuple[int, str, str]]:
    """Return those of the (tenant id, kind, key) that are revoked, in one query."""
    tenants, _, keys = (set(column) for column in zip(*held, strict=True)) if held else ((),) * 3
    rows = Revocation.objects.filter(tenant_id__in=tenants, key__in=keys)
    return held & set(rows.values_list("tenant_id", "kind", "key"))


def tenants_of(key: Key) -> list[int]:
    """Return where the key is revoked; what is renewed from it must be revoked there, too."""
    return list(_of(key).values_list("tenant_id", flat=True))


def forget(key: Key) -> None:
    """Forget the revocations of a credential that has ended everywhere."""
    _of(key).delete()


def forget_ended() -> int:
    """Delete the revocations of credentials that ended unnoticed; return how many."""
    gone = ~Q(kind="token", key__in=get_token_model().objects.values("pk"))
    gone &= ~Q(kind="session", key__in=Session.objects.values("pk"))
    return Revocation.objects.filter(gone).delete()[0]


def _of(key: Key) -> QuerySet[Revocation]:
    return Revocation.objects.filter(kind=key[0], key=key[1])
