"""Whether what somebody came in by still lets them stay: for many at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tenants import authenticators, revocations
from tenants.credentials import Held, Key, active_memberships, by_kind, good_tokens, live_sessions
from tenants.refused import NotAuthenticated, TenantForbidden


@dataclass(frozen=True, slots=True)
class Validity:
    """The close code of whoever must go, or None; and when the credential expires, if it does."""

    code: int | None
    expires_at: datetime | None


def validity(items: Iterable[Held]) -> dict[Held, Validity]:
    """Return whether each (user id, tenant id, credential) may stay, in four queries."""
    held = set(items)
    owners = _owners((credential.kind, credential.key) for _, _, credential in held)
    places = set(
        active_memberships()
        .filter(user_id__in={item[0] for item in held}, tenant_id__in={item[1] for item in held})
        .values_list("user_id", "tenant_id")
    )
    revoked = revocations.among({(there, c.kind, c.key) for _, there, c in held})
    found: dict[Held, Validity] = {}
    for item in held:
        user_id, tenant_id, credential = item
        key = credential.kind, credential.key
        owner, expires_at = owners.get(key, (None, None))
        code = None
        if owner != user_id or (tenant_id, *key) in revoked:
            code = NotAuthenticated.close_code
        elif (user_id, tenant_id) not in places:
            code = TenantForbidden.close_code
        found[item] = Validity(code, expires_at)
    return found


def _owners(keys: Iterable[Key]) -> dict[Key, tuple[int, datetime | None]]:
    """Return whose the valid credentials are, and until when; two queries for any number.

    The sweep asks this for every socket, so it makes no objects where it needs none.
    """
    keys = set(keys)
    tokens, sessions = by_kind(keys)
    rows = good_tokens(tokens).values_list("pk", "user_id", "expiry")
    owners = {("token", key): (user, expiry) for key, user, expiry in rows}
    for user, credential in live_sessions(sessions):
        owners["session", credential.key] = user.pk, credential.expires_at
    for user, credential in authenticators.good(keys):
        owners[credential.kind, credential.key] = user.pk, credential.expires_at
    return owners
