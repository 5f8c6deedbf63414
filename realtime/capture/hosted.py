"""Our tenants and memberships follow the project's own rows, in the transaction that writes them.

A row of the project's model of tenants has one tenant of ours, by its key (`Tenant.source`). What
its rows of members say of a person there is read anew at each write: several of them make one
membership, of the strongest role among those that are active.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from realtime.capture import intervals_sqlite, postgresql
from realtime.capture.tables import of_table
from realtime.capture.triggers import TENANTS, literal, quoted
from tenants import hosted
from tenants.hosted import Conditions, Members, Organizations
from tenants.keys import as_logged, logged
from tenants.models import Membership, Role
from tenants.tenancy import EVERYBODY

MEMBERSHIPS: Final[str] = Membership._meta.db_table
SLUG: Final = 17
"""The characters that stay of a slug that is taken, to which the key is added."""

NAME: Final = 200
ANY: Final = "true"
FOLLOWING: Final = f"tenant_id IN (SELECT t.id FROM {TENANTS} t WHERE t.source IS NOT NULL)"
CLOSED: Final = f"({TENANTS}.is_active AND b.active)"
"""It says whether a tenant is active, where nobody knows what its row said before."""

NOWS: Final = {"postgresql": postgresql.NOW, "sqlite": intervals_sqlite.NOW}


@dataclass(frozen=True, slots=True)
class Following:
    """A table that ours follow: what is done by event, and what reads all of it again.

    `watch` are the columns that count, `unique` those by which a row replaces another on SQLite.
    """

    table: str
    what: str
    bodies: dict[str, str]
    again: str
    watch: tuple[str, ...]
    unique: tuple[tuple[str, ...], ...]
    needs: tuple[str, ...]


def followings(vendor: str) -> Iterator[Following]:
    """Yield the tables that ours follow."""
    own, members = hosted.organizations(), hosted.members()
    if own is None:
        return
    new, old = (_rows(own, side) for side in ("NEW", "OLD"))
    moved = f"UPDATE {TENANTS} SET source = n.source FROM {new} n, {old} o WHERE"
    moved += f" {TENANTS}.source = o.source AND n.source <> o.source;"
    gone = _gone(f"source = {_source(own, 'OLD')}", members)
    joining = moving = ""
    if members is not None:
        # Members may name the new key before the row has it, and the old one after that.
        other = f"NEW.{quoted(own.key)} <> OLD.{quoted(own.key)}"
        joining, moving = (_joining(own, members, vendor, only) for only in (ANY, other))
    yield Following(
        own.table,
        "tenants",
        {
            "INSERT": "\n".join([*_followed(own, new), joining]),
            "UPDATE": "\n".join([moved, *_followed(own, new, _turned(own)), moving]),
            "DELETE": gone,
        },
        "\n".join([_unfounded(own, members), *_followed(own, _rows(own))]),
        own.watched,
        of_table(own.model)["unique"],
        (TENANTS, *((MEMBERSHIPS, members.table) if members else ())),
    )
    if members is not None:
        after, before = (_person(own, members, side, vendor) for side in ("NEW", "OLD"))
        yield Following(
            members.table,
            "members",
            {"INSERT": after, "UPDATE": f"{before}\n{after}", "DELETE": before},
            "\n".join(_synced(own, members, ANY, FOLLOWING, vendor)),
            members.watched,
            of_table(members.model)["unique"],
            (TENANTS, MEMBERSHIPS),
        )


# Tenants


def _source(own: Organizations, row: str, column: str = "") -> str:
    return logged(own.kind, f"{row}.{quoted(column or own.key)}")


def _rows(own: Organizations, side: str = "") -> str:
    """Return what the project's rows say, in our words: that of this side, or all of them."""
    row = side or "h"
    key = f"substr({_source(own, row)}, 2)"
    base = f"{row}.{quoted(own.slug)}" if own.slug else key
    name = f"CAST({row}.{quoted(own.name)} AS text)" if own.name else key
    return (
        f"(SELECT {_source(own, row)} AS source, {base} AS slug, {key} AS own_key,"
        f" substr(coalesce({name}, ''), 1, {NAME}) AS name,"
        f" {_active(own.model, own.active_while, row)} AS active"
        f"{'' if side else f' FROM {quoted(own.table)} h'})"
    )


def _turned(own: Organizations) -> str:
    """Return whether our tenant is active after an update of its row.

    What the operator said lasts until the row itself says something else than before.
    """
    was, now = (_active(own.model, own.active_while, side) for side in ("OLD", "NEW"))
    return f"CASE WHEN {was} = {now} THEN {TENANTS}.is_active ELSE b.active END"


def _followed(own: Organizations, rows: str, active: str = CLOSED) -> Iterator[str]:
    """Yield the statements after which these rows have tenants that say the same."""
    slug = _slug(own)
    new = (
        f"INSERT INTO {TENANTS} (slug, name, is_active, record_payloads, limits, source)"
        f" SELECT {slug}, h.name, h.active, false, '{{}}', h.source FROM {rows} h WHERE NOT EXISTS"
        f" (SELECT 1 FROM {TENANTS} t WHERE t.source = h.source) ON CONFLICT DO NOTHING;"
    )
    yield new
    yield new  # it reads anew: another transaction may have taken the slug meanwhile
    yield (
        f"UPDATE {TENANTS} SET slug = b.slug, name = b.name, is_active = {active} FROM"
        f" (SELECT {slug} AS slug, h.name, h.active, h.source FROM {rows} h) b"
        f" WHERE {TENANTS}.source = b.source AND {TENANTS}.deleting_since IS NULL AND"
        f" ({TENANTS}.slug <> b.slug OR {TENANTS}.name <> b.name OR"
        f" {TENANTS}.is_active <> {active});"
    )


def _slug(own: Organizations) -> str:
    """Return SQL for the slug of a row's tenant: the row's; or that and the key; or one by the
    tenant's key, which begins as no other does."""
    longer = f"substr(h.slug, 1, {SLUG}) || '-' || substr(h.own_key, 1, 32)"
    anothers = _taken(longer)
    if own.slug:
        there = f"SELECT 1 FROM {quoted(own.table)} o WHERE o.{quoted(own.slug)} = {longer}"
        anothers += f" OR EXISTS ({there})"
    mine = f"SELECT t.id FROM {TENANTS} t WHERE t.source = h.source"
    unique = f"'~-' || coalesce(({mine}), (SELECT max(t.id) + 1 FROM {TENANTS} t), 1)"
    return (
        f"CASE WHEN NOT ({_taken('h.slug')}) THEN h.slug"
        f" WHEN NOT ({anothers}) THEN {longer} ELSE {unique} END"
    )


def _taken(slug: str) -> str:
    """Return the condition that a row's tenant cannot have a slug."""
    return (
        f"{slug} IN ('', '{EVERYBODY}') OR substr({slug}, 1, 1) = '~' OR EXISTS (SELECT 1 FROM"
        f" {TENANTS} t WHERE t.slug = {slug} AND (t.source IS NULL OR t.source <> h.source))"
    )


def _gone(which: str, members: Members | None) -> str:
    """Return the statements that suspend these tenants, and leave them nothing of the row's."""
    where = f"is_active AND tenant_id IN (SELECT id FROM {TENANTS} WHERE {which})"
    out = f"UPDATE {MEMBERSHIPS} SET is_active = false WHERE {where};"
    suspended = f"UPDATE {TENANTS} SET is_active = false, source = NULL, slug = '~' || id"
    return "\n".join([*([out] if members else []), f"{suspended} WHERE {which};"])


def _unfounded(own: Organizations, members: Members | None) -> str:
    there = f"SELECT {_source(own, 'h')} FROM {quoted(own.table)} h"
    return _gone(f"source IS NOT NULL AND source NOT IN ({there})", members)


# Memberships


def _joining(own: Organizations, members: Members, vendor: str, only: str) -> str:
    """Return the statements for members that were there before their tenant, on a condition."""
    where = f"m.{quoted(members.tenant)} = NEW.{quoted(own.key)} AND {only}"
    scope = f"tenant_id = (SELECT t.id FROM {TENANTS} t WHERE t.source = {_source(own, 'NEW')})"
    return "\n".join(_synced(own, members, where, f"{scope} AND {only}", vendor))


def _person(own: Organizations, members: Members, side: str, vendor: str) -> str:
    """Return the statements for the person and the tenant that a row of members names."""
    names = (quoted(members.tenant), quoted(members.user))
    where = " AND ".join(f"m.{name} = {side}.{name}" for name in names)
    source = _source(own, side, members.tenant)
    scope = (
        f"tenant_id = (SELECT t.id FROM {TENANTS} t WHERE t.source = {source})"
        f" AND user_id = {side}.{names[1]}"
    )
    # Whoever writes another row of the same person's waits, and then reads both; where it cannot
    # read the other (REPEATABLE READ), it fails, as it does for any row that is written.
    locked = f"UPDATE {MEMBERSHIPS} SET is_active = is_active WHERE {scope};"
    synced = _synced(own, members, where, scope, vendor)
    if side == "OLD":  # a row that ends makes nobody a member, such as a person being deleted
        next(synced)
    return "\n".join([*([locked] if vendor == "postgresql" else []), *synced])


def _synced(
    own: Organizations, members: Members, where: str, scope: str, vendor: str
) -> Iterator[str]:
    """Yield the statements after which the memberships of this scope say what these rows say: the
    first makes those that are missing.

    The second reads anew: the first may have waited for another writer.
    """
    said = f"({_said(own, members, where)}) b"
    yield (
        f"INSERT INTO {MEMBERSHIPS} (tenant_id, user_id, role, is_active, created_at, by_name)"
        f" SELECT b.tenant_id, b.user_id, b.role, b.active, {NOWS[vendor]}, false FROM {said}"
        f" WHERE NOT EXISTS (SELECT 1 FROM {MEMBERSHIPS} k WHERE k.tenant_id = b.tenant_id"
        " AND k.user_id = b.user_id) ON CONFLICT DO NOTHING;"
    )
    mine = MEMBERSHIPS
    yield (
        f"UPDATE {mine} SET role = b.role, is_active = b.active, invited_at = NULL FROM {said}"
        f" WHERE {mine}.tenant_id = b.tenant_id AND {mine}.user_id = b.user_id AND"
        f" ({mine}.role <> b.role OR {mine}.is_active <> b.active"
        f" OR {mine}.invited_at IS NOT NULL);"
    )
    # It stays, as rows of others may refer to it.
    yield (
        f"UPDATE {mine} SET is_active = false WHERE is_active AND {scope} AND (tenant_id, user_id)"
        f" NOT IN (SELECT b.tenant_id, b.user_id FROM {said});"
    )


def _said(own: Organizations, members: Members, where: str) -> str:
    """Return SQL for what the project's rows say of each person in each tenant."""
    role, rank = f"'{Role.MEMBER.value}'", "0"
    if members.role:
        cases = [_equals(members.model, members.role, value, "m") for value, _ in members.roles]
        ours = (
            f"WHEN {case} THEN {literal(name)}"
            for case, (_, name) in zip(cases, members.roles, strict=True)
        )
        role = f"CASE {' '.join(ours)} END"
        rank = f"CASE {' '.join(f'WHEN {c} THEN {n}' for n, c in enumerate(cases))} END"
    return (
        "SELECT t.id AS tenant_id, n.user_id, n.role, n.active FROM (SELECT x.*, row_number() OVER"
        " (PARTITION BY x.place, x.user_id ORDER BY x.active DESC, x.rank) AS nth FROM"
        f" (SELECT m.{quoted(members.tenant)} AS place, m.{quoted(members.user)} AS user_id,"
        f" {role} AS role, {rank} AS rank, {_active(members.model, members.active_while, 'm')}"
        f" AS active FROM {quoted(members.table)} m WHERE {where}) x"
        " WHERE x.role IS NOT NULL AND x.user_id IS NOT NULL) n"
        f" JOIN {TENANTS} t ON t.source = {logged(own.kind, 'n.place')}"
        " AND t.deleting_since IS NULL WHERE n.nth = 1"
    )


# Values


def _active(model: Any, conditions: Conditions, row: str) -> str:
    wanted = " AND ".join(_equals(model, column, value, row) for column, value in conditions)
    return f"CASE WHEN {wanted} THEN true ELSE false END" if wanted else "true"


def _equals(model: Any, column: str, value: Any, row: str) -> str:
    """Return the condition that a column has this value."""
    name = f"{row}.{quoted(column)}"
    if value is None:
        return f"{name} IS NULL"
    if isinstance(value, bool):
        return name if value else f"NOT {name}"
    return f"{logged(hosted.kind_in(model, column), name)} = {literal(as_logged(value))}"
