"""What is captured, from the models and the declarations: plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.db.models import UniqueConstraint
from knox.models import get_token_model

from realtime.capture import intervals
from realtime.capture.intervals import Kept
from realtime.capture.triggers import looked_up
from tenants import authenticators, users
from tenants.models import Membership, MembershipTask, Rehash, Revocation, Session, Tenant, Ticket

WRITES: Final = ("INSERT", "UPDATE", "DELETE")
JOINED: Final = "({0}.is_active OR {0}.invited_at IS NULL)"
"""Condition on a membership: while somebody is only invited, nothing changes."""


@dataclass(frozen=True, slots=True)
class Access:
    """A table whose rows decide who may see.

    `touch` selects the (tenant, user, model, object) that a row of `{row}` (alias r) touches, using
    the tables `joins`; its first column is named `tenant`. An update counts if a column of `watch`
    differs (none: any), if `or_if` holds, or if the time in the column `until` becomes earlier.
    With `until`, a deletion counts only before that time, and an update touches by the old row
    alone, since a new credential changes nothing. `also` are further statements by event. `unique`
    are the columns by which a new row replaces another on SQLite. `name` distinguishes several of
    a table that have one cause. `always`: also in a tenant that is being deleted. `kept` are the
    intervals that the rows stand for, which the events `moves` move. `locks` are what `locks` says
    must be locked first. Of `many`, statements often write very many rows.
    """

    table: str
    cause: str
    touch: str
    name: str = ""
    events: tuple[str, ...] = WRITES
    watch: tuple[str, ...] = ()
    or_if: str = ""
    until: str = ""
    joins: tuple[str, ...] = ()
    also: Mapping[str, str] = field(default_factory=dict)
    unique: tuple[tuple[str, ...], ...] = ()
    always: bool = False
    kept: Kept | None = None
    moves: tuple[str, ...] = WRITES
    locks: str = ""
    many: bool = False

    @property
    def in_sets(self) -> bool:
        """Return whether all rows of a statement may be worked on at once; none needs a lock."""
        return self.many and self.kept is not None and not self.locks

    @property
    def written(self) -> tuple[str, ...]:
        """Return the events with triggers; intervals also begin with rows that touch nobody."""
        return self.moves if self.kept else self.events

    @property
    def needs(self) -> tuple[str, ...]:
        """Return the tables that its triggers name, except its own and the logs."""
        return (*self.joins, *(self.kept.needs if self.kept else ()))

    @property
    def what(self) -> str:
        """Return the name after which its triggers are named."""
        return "_".join([*self.cause.split(), *filter(None, [self.name])])


_declared: Final[dict[Callable[[], Iterable[Access]], None]] = {}


def declare(tables: Callable[[], Iterable[Access]]) -> None:
    """Capture these tables too, which only packages above this one know."""
    _declared[tables] = None


def accesses() -> list[Access]:
    """Return every table whose rows decide who may see what."""
    declared = (access for tables in _declared for access in tables())
    return [*_people(), *_credentials(), *declared]


def _people() -> Iterator[Access]:
    yield Access(
        **of_table(Membership),
        cause="membership",
        touch="SELECT r.tenant_id AS tenant, r.user_id, NULL, NULL FROM {row} r"
        f" WHERE {JOINED.format('r')}",
        watch=("tenant_id", "user_id", "role", "is_active"),
        or_if=f"{JOINED.format('OLD')} <> {JOINED.format('NEW')}",
        also={"INSERT": _task(), "UPDATE": _task()},
        joins=(_table(MembershipTask),),
        kept=intervals.belongs(
            Membership,
            "r.user_id, 'role:' || r.role AS principal",
            "r.is_active",
            ("tenant_id", "user_id", "role", "is_active"),
            tenant="r.tenant_id",
        ),
    )
    yield Access(
        **of_table(Tenant),
        cause="tenant",
        touch="SELECT r.id AS tenant, NULL, NULL, NULL FROM {row} r",
        events=("UPDATE", "DELETE"),
        watch=("is_active",),
        always=True,
        kept=intervals.belongs(
            Tenant,
            f"{intervals.nobody()} AS user_id, 'suspended' AS principal",
            "NOT r.is_active",
            ("is_active",),
            tenant="r.id",
        ),
    )
    yield from _users()


def _users() -> Iterator[Access]:
    """Yield what decides of the project's users, who may lack `is_active`, and groups."""
    model: Any = users.User
    key = model._meta.pk.column
    if active := users.column("is_active"):
        who, column = f"r.{key} AS user_id, 'deactivated' AS principal", active.column
        yield of_user(
            model,
            key,
            cause="user",
            watch=(column,),
            kept=intervals.belongs(model, who, f"NOT r.{column}", (column,)),
        )
    password = users.column("password").column
    yield of_user(
        model,
        key,
        cause="password",
        events=("UPDATE",),
        watch=(password,),
        also={"UPDATE": _ended_with_the_password(key)},
        joins=(*(table for table, _ in _ending_with_the_password()), _table(Rehash)),
    )
    if groups := users.groups():
        through: Any = groups.remote_field.through
        member, group = groups.m2m_column_name(), groups.m2m_reverse_name()
        who = f"r.{member} AS user_id, 'group:' || r.{group} AS principal"
        kept = intervals.belongs(through, who, intervals.ALWAYS, (member, group))
        yield replace(
            of_user(through, member, cause="groups", watch=(member, group), kept=kept), many=True
        )


def _credentials() -> Iterator[Access]:
    token, session = _table(get_token_model()), _table(Session)
    yield of_user(
        get_token_model(),
        "user_id",
        cause="credential",
        events=("UPDATE", "DELETE"),
        watch=("digest", "user_id"),
        until="expiry",
    )
    yield of_user(
        Session,
        "user_id",
        cause="credential",
        events=("UPDATE", "DELETE"),
        watch=("session_key", "user_id"),
        until="expire_date",
    )
    for each in authenticators.others():
        if rows := each.rows():
            columns = {field.name: field.column for field in rows.model._meta.concrete_fields}
            yield of_user(
                rows.model,
                columns[rows.user],
                cause="credential",
                name=each.kind,
                events=("UPDATE", "DELETE"),
                watch=tuple(columns[name] for name in rows.watch),
            )
    holder = (
        "SELECT r.tenant_id AS tenant, c.user_id, NULL, NULL"
        " FROM {{row}} r JOIN {0} c ON c.{1} = r.key"
    )
    yield Access(
        **of_table(Revocation),
        cause="revoked",
        touch=f"{holder.format(token, 'digest')} WHERE r.kind = 'token' UNION "
        f"{holder.format(session, 'session_key')} WHERE r.kind = 'session' UNION"
        " SELECT r.tenant_id, NULL, NULL, NULL FROM {row} r"
        " WHERE r.kind NOT IN ('token', 'session')",
        events=("INSERT", "UPDATE"),
        joins=(token, session),
    )


def of_user(model: Any, column: str, joins: tuple[str, ...] = (), **how: Any) -> Access:
    """Return a table whose rows each touch the user in this column, in all of their tenants."""
    members, joined = _table(Membership), JOINED.format("m")
    touch = (
        "SELECT m.tenant_id AS tenant, m.user_id, NULL, NULL FROM {row} r"
        f" {looked_up(members, 'm', f'm.user_id = r.{column} AND {joined}')}"
    )
    return Access(**of_table(model), touch=touch, joins=(members, *joins), **how)


def tasks_of_all() -> str:
    """Return the statement that requests whatever any membership still lacks."""
    return (
        f"INSERT INTO {_table(MembershipTask)} (tenant_id, user_id)"
        f" SELECT m.tenant_id, m.user_id FROM {_table(Membership)} m WHERE {JOINED.format('m')}"
    )


def _task() -> str:
    """Return the statement that requests what belongs to the written membership."""
    return (
        f"INSERT INTO {_table(MembershipTask)} (tenant_id, user_id)"
        f" SELECT NEW.tenant_id, NEW.user_id WHERE {JOINED.format('NEW')};"
    )


def _ended_with_the_password(key: str) -> str:
    """Return the statements that end what ends together with the old password.

    They belong in the same transaction: a process without sockets looks for no changes, and would
    go on accepting these credentials.
    """
    same = f"NOT EXISTS (SELECT 1 FROM {_table(Rehash)} WHERE user_id = NEW.{key})"
    return "\n".join(
        f"DELETE FROM {table} WHERE {user} = NEW.{key} AND {same};"
        for table, user in _ending_with_the_password()
    )


def _ending_with_the_password() -> Iterator[tuple[str, str]]:
    """Yield tables of credentials, each with its column of the user."""
    for model in (get_token_model(), Session, Ticket):
        yield _table(model), "user_id"
    for each in authenticators.others():
        if rows := each.rows():
            yield _table(rows.model), rows.model._meta.get_field(rows.user).column


def _table(model: Any) -> str:
    table: str = model._meta.db_table
    return table


def of_table(model: Any) -> dict[str, Any]:
    """Return the model's table, and the columns that are unique in it."""
    meta = model._meta
    together = [*meta.unique_together]
    together += [c.fields for c in meta.constraints if isinstance(c, UniqueConstraint)]
    unique = [tuple(field.column for field in meta.pk_fields)]
    unique += [(f.column,) for f in meta.local_concrete_fields if f.unique]
    unique += [tuple(meta.get_field(name).column for name in names) for names in together if names]
    return {"table": meta.db_table, "unique": tuple(dict.fromkeys(unique))}
