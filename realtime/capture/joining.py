"""The one tenant of models that have none: everybody is a member, whoever makes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from permissions.audiences import registry
from realtime.capture.triggers import TENANTS, quoted
from tenants import users
from tenants.models import Membership, Role, Tenant
from tenants.tenancy import EVERYBODY

MEMBERSHIPS: Final[str] = Membership._meta.db_table
NEEDS: Final = (MEMBERSHIPS, TENANTS)
JOIN: Final = (
    f"INSERT INTO {MEMBERSHIPS} (tenant_id, user_id, role, is_active, created_at, by_name)"
)
ONE: Final = f"(SELECT one.id FROM {TENANTS} one WHERE one.slug = '{EVERYBODY}')"


class SlugTaken(RuntimeError):
    """Somebody made a tenant with the slug of the one of everybody: it must not become that."""

    def __init__(self) -> None:
        mine = f"Tenant.objects.filter(slug={EVERYBODY!r})"
        super().__init__(
            f"There is a tenant {EVERYBODY!r} that somebody made. Every user would become a member"
            " of it, and it would have all objects of models without tenants. Give it another"
            f' slug, {mine}.update(slug="…"), and run migrate again; or, if it is meant to be that'
            f" tenant, {mine}.update(of_everybody=True)."
        )


def is_needed() -> bool:
    """Return whether a model is declared that has no tenants."""
    return any(not resource.tenancy.path for resource in registry)


def is_possible(there: Collection[str]) -> bool:
    """Return whether these tables suffice."""
    return {*NEEDS, table()} <= set(there)


def bodies(now: str) -> Iterator[tuple[str, str]]:
    """Yield what follows a write of a user, by event."""
    key = quoted(_user()._meta.pk.column)
    yield "INSERT", f"{JOIN} SELECT {_row(f'NEW.{key}', now)} WHERE {ONE} IS NOT NULL;"
    yield "DELETE", f"DELETE FROM {MEMBERSHIPS} WHERE user_id = OLD.{key} AND tenant_id = {ONE};"


def table() -> str:
    """Return the table of users."""
    name: str = _user()._meta.db_table
    return name


def fill(cursor: Any, now: str) -> None:
    """Make the tenant, and everybody a member who was there before."""
    rows = Tenant.objects.using(cursor.db.alias)
    new = {"name": EVERYBODY.title(), "of_everybody": True}
    if not rows.get_or_create(slug=EVERYBODY, defaults=new)[0].of_everybody:
        raise SlugTaken
    key = f"u.{quoted(_user()._meta.pk.column)}"
    cursor.execute(
        f"{JOIN} SELECT {_row(key, now)} FROM {quoted(table())} u WHERE NOT EXISTS"
        f" (SELECT 1 FROM {MEMBERSHIPS} m WHERE m.user_id = {key} AND m.tenant_id = {ONE})"
    )


def _row(key: str, now: str) -> str:
    return f"{ONE}, {key}, '{Role.MEMBER.value}', true, {now}, false"


def _user() -> Any:
    return users.User
