"""Rows of the project's own that give audiences: which of them touch whom, and what they stand for.

A row that names an object is like a grant. Where users have something in common, such as a team,
they belong to a principal of that name, which holds what its objects give.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection

from permissions.audiences import Audience, registry
from permissions.rows import Listed, listed
from realtime.capture import intervals, locks
from realtime.capture.granted import moved
from realtime.capture.intervals import HELD, NOTHING, Kept, named_by, nobody
from realtime.capture.tables import Access, of_table, of_user
from realtime.capture.triggers import literal, quoted
from tenants.keys import kind_of, logged, named
from tenants.placed import tenancy_of

CAUSE = "listed"


def accesses() -> Iterator[Access]:
    """Yield the tables of all rows, of their teams, and of the objects that refer to what they are
    about."""
    teams: dict[Any, Access] = {}
    for resource in registry:
        for each in listed(resource):
            if each.rows.of:
                yield from _of_members(each)
            else:
                yield from _of_objects(each)
            if each.rows.members and not each.has_groups:
                teams.setdefault(each.through, _team(each))
    yield from teams.values()


def kept(each: Listed) -> Iterator[tuple[Kept, str, str]]:
    """Yield the intervals of what is held of objects, with the table whose rows they are, and the
    column of the object; for `placed`."""
    if each.rows.of:
        target: Any = each.resource.model._meta.concrete_model
        for audience in each.given:
            yield _held_in_common(each, audience), target._meta.db_table, target._meta.pk.column
        return
    last = each.rows.object if isinstance(each.rows.object, str) else each.rows.object[1]
    yield _held(each), each.table, each.column(last)


def _principal(each: Listed, key: str, audience: Audience | None = None) -> str:
    """Return SQL for the name of what users have in common."""
    if each.has_groups:
        return f"'group:' || {key}"
    what = each.source_of(audience) if audience else each.through._meta.db_table
    return f"{literal(what + ':')} || {each.spelled(key)}"


def _team(each: Listed) -> Access:
    """Return the rows that say who is in which team."""
    team, user = each.in_team
    who = f"r.{quoted(user)} AS user_id, {_principal(each, f'r.{quoted(team)}')} AS principal"
    belongs = intervals.belongs(each.through, who, "1 = 1", (team, user))
    return of_user(each.through, user, cause="team", watch=(team, user), kept=belongs)


# Rows that name objects


def _of_objects(each: Listed) -> Iterator[Access]:
    target: Any = each.resource.model._meta.concrete_model
    table, place, vendor = target._meta.db_table, tenancy_of(target), connection.vendor
    key = logged(kind_of(target), f"o.{each.key}")
    user = "NULL" if each.rows.members else each.user
    is_on = each.is_on(f"o.{each.key}", vendor)
    types = [] if isinstance(each.rows.object, str) else [ContentType._meta.db_table]
    name = f"{each.number}_{table}"
    yield Access(
        **of_table(each.model),
        cause=CAUSE,
        name=name,
        touch=f"SELECT {place.sql('o')} AS tenant, {user}, {literal(each.resource.label)}, {key}"
        f" FROM {{row}} r JOIN {quoted(table)} o ON {is_on}",
        watch=each.columns,
        joins=(table, *place.tables, *types),
        kept=_held(each),
        locks=locks.named(target, each.is_on(f"o.{each.key}", vendor, locks.SIDE)),
    )
    created = ("INSERT", "DELETE") if types else ()
    if moves := (*created, *(("UPDATE",) if locks.can_move(target) else ())):
        side = each.is_on(f"{{side}}.{each.key}", vendor, "w")
        yield moved(target, f"{each.table}_{name}", named_by(_held(each), each.table, side), moves)


def _held(each: Listed) -> Kept:
    """Return the intervals during which rows give somebody an audience."""
    target: Any = each.resource.model._meta.concrete_model
    meta = each.model._meta
    principal = f"'user:' || {named(each.user)}" if not each.rows.members else ""
    whose = each.value(each.rows.user)
    permission = each.which({a.name: literal(a.permission) for a in each.given})
    begins = (
        f"SELECT {logged(kind_of(each.model), f'r.{quoted(meta.pk.column)}')} AS source_id,"
        f" {tenancy_of(target).sql('o')} AS tenant_id, {literal(each.resource.label)} AS model,"
        f" {logged(kind_of(target), f'o.{each.key}')} AS object_id, {permission} AS permission,"
        f" {principal or _principal(each, whose)} AS principal,"
        f" {nobody()} AS given_by, {NOTHING} AS purpose FROM {{row}} r"
        f" JOIN {quoted(target._meta.db_table)} o"
        f" ON {each.is_on(f'o.{each.key}', connection.vendor)}"
        f" WHERE {whose} IS NOT NULL AND {permission} IS NOT NULL"
    )
    joins = [target._meta.db_table, *tenancy_of(target).tables]
    joins += [] if isinstance(each.rows.object, str) else [ContentType._meta.db_table]
    columns = (meta.pk.column, *each.columns)
    return Kept(HELD, each.source, begins, columns, tuple(joins), kind=kind_of(each.model))


# Rows about what objects refer to


def _of_members(each: Listed) -> Iterator[Access]:
    place = tenancy_of(each.resource.model)
    user = each.column(each.rows.user)
    for number, audience in enumerate(each.given):
        how: dict[str, Any] = {"events": ()} if number else {}
        who = f"{each.user} AS user_id, {_principal(each, each.value(each.common), audience)}"
        belongs = intervals.belongs(
            each.model,
            f"{who} AS principal",
            f"{each.user} IS NOT NULL AND {each.level(audience)}",
            each.columns,
        )
        belongs = replace(belongs, source=each.source_of(audience))
        name = f"{each.number}_{audience.name}_{each.resource.model._meta.db_table}"
        yield of_user(
            each.model, user, cause=CAUSE, name=name, watch=each.columns, kept=belongs, **how
        )
        target: Any = each.resource.model._meta.concrete_model
        key = logged(kind_of(target), f"r.{each.key}")
        yield Access(
            **of_table(target),
            cause=CAUSE,
            name=f"{each.table}_{name}",
            touch=f"SELECT {place.sql('r')} AS tenant, NULL, {literal(each.resource.label)}, {key}"
            " FROM {row} r",
            events=() if number else ("UPDATE",),
            watch=(each.of, *place.columns),
            joins=place.tables,
            kept=_held_in_common(each, audience),
        )


def _held_in_common(each: Listed, audience: Audience) -> Kept:
    """Return the intervals during which objects refer to what gives somebody this audience."""
    target: Any = each.resource.model._meta.concrete_model
    kind, key, place = kind_of(target), target._meta.pk.column, tenancy_of(target)
    spelled, of = logged(kind, f"r.{quoted(key)}"), f"r.{quoted(each.of)}"
    begins = (
        f"SELECT {spelled} AS source_id, {place.sql('r')} AS tenant_id,"
        f" {literal(each.resource.label)} AS model, {spelled} AS object_id,"
        f" {literal(audience.permission)} AS permission,"
        f" {_principal(each, of, audience)} AS principal, {nobody()} AS given_by,"
        f" {NOTHING} AS purpose FROM {{row}} r WHERE {of} IS NOT NULL"
    )
    columns = (key, *place.columns, each.of)
    return Kept(HELD, each.source_of(audience), begins, columns, place.tables, kind=kind)
