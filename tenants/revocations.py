"""Credentials that an admin ended for one tenant: valid elsewhere, and invalid there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from django.db import transaction
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from knox.models import get_token_model

from tenants import authenticators
from tenants.models import Membership, Renewal, Revocation, Session

Key = tuple[str, str]
"""The kind of a credential, and its key."""

_MODELS: Final[Mapping[str, Callable[[], Any]]] = {
    "token": get_token_model,
    "session": lambda: Session,
}

REVOKED: Final = (
    f"EXISTS (SELECT 1 FROM {Revocation._meta.db_table} r WHERE r.kind = %s AND r.key = %s"  # noqa: S608 - ours
    f" AND r.tenant_id = {Membership._meta.db_table}.tenant_id)"
)


@transaction.atomic
def revoke(tenant_id: int, key: Key) -> None:
    """Make this credential, and whatever is derived from it, invalid in this tenant from now on."""
    lock(key)
    for kind, one in (key, *_renewed(key)):
        Revocation.objects.get_or_create(tenant_id=tenant_id, kind=kind, key=one)


def inherit(places: Iterable[int], old: Key, new: Key) -> None:
    """Revoke what was renewed in these tenants, and wherever the old one is revoked later.

    They are those that had revoked the old one when its `lock` was taken in this transaction.
    """
    Renewal.objects.create(kind=old[0], key=old[1], renewed=new[1])
    for tenant_id in places:
        revoke(tenant_id, new)


def tenants_of(key: Key) -> list[int]:
    """Return where the key is revoked; what is renewed from it must be revoked there, too."""
    return list(_of(key).values_list("tenant_id", flat=True))


def lock(key: Key) -> None:
    """Let nobody else revoke or renew this credential before the transaction ends."""
    if key[0] in _MODELS:
        list(_MODELS[key[0]]().objects.select_for_update().filter(pk=key[1]).values("pk"))


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


def forget(key: Key) -> None:
    """Forget the revocations of a credential that has ended everywhere."""
    _of(key).delete()


def end_old(key: Key) -> None:
    """End what this credential was renewed from, and still keeps sockets open for a while."""
    old = Renewal.objects.filter(kind=key[0], renewed=key[1]).values("key")
    _MODELS[key[0]]().objects.filter(pk__in=old).delete()


def forget_ended() -> int:
    """Delete the revocations of credentials that ended unnoticed; return how many."""
    gone = ~Q(kind="token", key__in=get_token_model().objects.values("pk"))
    gone &= ~Q(kind="session", key__in=Session.objects.values("pk"))
    stored = Revocation.objects.filter(gone, kind__in=_MODELS)
    others = set(Revocation.objects.exclude(kind__in=_MODELS).values_list("kind", "key"))
    good = {(credential.kind, credential.key) for _, credential in authenticators.good(others)}
    ended = [Q(kind=kind, key=key) for kind, key in sorted(others - good)]
    return stored.delete()[0] + sum(Revocation.objects.filter(q).delete()[0] for q in ended)


def forget_renewals() -> int:
    """Delete the notes of renewals whose new credential has ended; return how many."""
    gone = ~Q(kind="token", renewed__in=get_token_model().objects.values("pk"))
    gone &= ~Q(kind="session", renewed__in=Session.objects.values("pk"))
    return Renewal.objects.filter(gone).delete()[0]


def _renewed(key: Key) -> Iterator[Key]:
    """Yield what was made of this credential by renewing it, once or several times."""
    kind, one = key
    for new in Renewal.objects.filter(kind=kind, key=one).values_list("renewed", flat=True):
        yield kind, new
        yield from _renewed((kind, new))


def _of(key: Key) -> QuerySet[Revocation]:
    return Revocation.objects.filter(kind=key[0], key=key[1])
