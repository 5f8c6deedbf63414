"""What the log must have of raw writes to a row, by what its declaration says it touches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from knox.models import AuthToken

from permissions.models import AccessChange, GroupGrant, UserGrant
from realtime.capture.installing import kept, wanted
from realtime.capture.intervals import BELONGS, HELD
from realtime.capture.tables import Access
from realtime.capture.triggers import literal, quoted
from tenants.keys import read
from tenants.models import User
from tests.realtime.capture import replaced
from tests.realtime.capture.kept import unkept
from tests.realtime.capture.ways import REPLICA

Touches = Counter[tuple[Any, ...]]


def run(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def only(access: Access) -> None:
    """Leave no grants but those of the table that the declaration is about, if it is about one."""
    for model in apps.get_models():  # of other tests' apps there are no tables
        if issubclass(model, UserGrant | GroupGrant) and access.name not in (
            "",
            model._meta.db_table,
        ):
            model._base_manager.all().delete()


class Row:
    """A row of a declared table, saved in a table of its own to be written again."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.table, self.key = quoted(access.table), access.unique[0][0]
        keys = [key for [key] in run(f"SELECT {quoted(self.key)} FROM {self.table} ORDER BY 1")]
        self.pk = next((key for key in keys if self.touches(key)), keys[0])
        run(f"CREATE TEMP TABLE saved AS SELECT * FROM {self.table} WHERE {self.here()}")

    def here(self, pk: Any = None) -> str:
        return f"{quoted(self.key)} = {literal(str(self.pk if pk is None else pk))}"

    def touches(self, pk: Any = None) -> Touches:
        """Whom the row touches, as it is now."""
        row = f"(SELECT * FROM {self.table} WHERE {self.here(pk)})"
        found = run(self.access.touch.format(row=row))
        return Counter((*them, None if key is None else read(key)) for *them, key in found)

    def other(self, column: str) -> str:
        """Another value of this column."""
        [[value]] = run(f"SELECT {quoted(column)} FROM saved")
        if column == "role":
            return literal("member" if value == "admin" else "admin")
        if isinstance(value, bool) or column in ("is_active", "closing"):
            return f"NOT {quoted(column)}"
        if isinstance(value, int):
            return f"{quoted(column)} + 1000"
        return literal("~" + str(value)[1:])

    def alter(self, *columns: str) -> None:
        """Give the saved row other values."""
        for column in columns:
            run(f"UPDATE saved SET {quoted(column)} = {self.other(column)}")

    @property
    def saved(self) -> Any:
        """The key of the saved row."""
        [[key]] = run(f"SELECT {quoted(self.key)} FROM saved")
        return key


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def logged(access: Access, write: Callable[[], object]) -> Touches:
    """Whom the log has for a write, for the declaration's cause."""
    after = max(AccessChange.objects.values_list("pk", flat=True), default=0)
    write()
    rows = AccessChange.objects.filter(pk__gt=after, cause=access.cause)
    return Counter(rows.values_list("tenant_id", "user_id", "model", "object_id"))


Answer = tuple[Any, Any]
"""What the log has, and what it must have."""


def deleted(access: Access) -> Answer:
    row = Row(access)
    before = row.touches()
    found = logged(access, lambda: run(f"DELETE FROM {row.table} WHERE {row.here()}"))
    return set(found), set(before)


def inserted(access: Access) -> Answer:
    row = Row(access)
    run(f"DELETE FROM {row.table} WHERE {row.here()}")
    found = logged(access, lambda: run(f"INSERT INTO {row.table} SELECT * FROM saved"))
    return set(found), set(row.touches())


def updated(access: Access, column: str) -> Answer:
    row = Row(access)
    before, value = row.touches(), row.other(column)
    found = logged(
        access,
        lambda: run(f"UPDATE {row.table} SET {quoted(column)} = {value} WHERE {row.here()}"),
    )
    row.alter(column)
    after = {} if access.until else row.touches(row.saved)
    return set(found), {*before, *after}


def replaced_by_insert(access: Access) -> Answer:
    row = Row(access)
    before = row.touches()
    row.alter(*[c for c in access.watch if c != row.key][:1])
    found = logged(access, lambda: run(f"INSERT OR REPLACE INTO {row.table} SELECT * FROM saved"))
    return found, before + (row.touches() if "INSERT" in access.events else Counter())


def ended_by_insert(access: Access) -> Answer:
    """By a row with the same key that ends earlier."""
    row = Row(access)
    before = row.touches()
    run(f"UPDATE saved SET {quoted(access.until)} = '2001-01-01'")
    found = logged(access, lambda: run(f"INSERT OR REPLACE INTO {row.table} SELECT * FROM saved"))
    return found, before


def counted(tables: Iterable[str]) -> Counter[str]:
    return Counter({name: run(f"SELECT count(*) FROM {name}")[0][0] for name in tables})


def followed_by(access: Access, statement: str) -> Counter[str]:
    """How many rows went, with this, from the tables that the declaration joins."""
    row, [column] = Row(access), access.watch
    row.alter(column)
    AuthToken.objects.create(User.objects.get(pk=row.pk))
    before = counted(access.joins)
    run(statement.format(table=row.table, here=row.here(), column=quoted(column)))
    return before - counted(access.joins)


def followed_when_replaced(access: Access) -> Answer:
    """What else a new password causes, another row in its place does."""
    with undone():
        value = "(SELECT {column} FROM saved)"
        must = followed_by(access, f"UPDATE {{table}} SET {{column}} = {value} WHERE {{here}}")
    return followed_by(access, "INSERT OR REPLACE INTO {table} SELECT * FROM saved"), must


def replaced_by_update(access: Access) -> Answer:
    row = Row(access)
    before = row.touches()
    unique = dict.fromkeys(column for columns in access.unique for column in columns)
    row.alter(*unique, *[c for c in access.watch if c not in unique][:1])
    run(f"INSERT INTO {row.table} SELECT * FROM saved")
    other = row.touches(row.saved)
    statement = f"UPDATE OR REPLACE {row.table} SET {quoted(row.key)} = {literal(str(row.pk))}"
    found = logged(access, lambda: run(f"{statement} WHERE {row.here(row.saved)}"))
    counts = "UPDATE" in access.events and (
        access.kept is not None or not access.watch or row.key in access.watch
    )
    after = Counter() if access.until else row.touches()
    return found, before + Counter(dict.fromkeys([*other, *after], 1) if counts else {})


def replicated(answer: Callable[[Access], Answer], access: Access) -> Answer:
    """The answer where only the triggers of single rows fire."""
    run(REPLICA)
    return answer(access)


def answers(access: Access) -> Iterator[tuple[str, Callable[[], Answer]]]:
    """Each event that the declaration names, and how its answer is found."""
    if "DELETE" in access.events:
        yield "deleted", lambda: deleted(access)
    if "INSERT" in access.events:
        yield "inserted", lambda: inserted(access)
    if "UPDATE" in access.events:
        for column in access.watch or (access.unique[0][0],):
            yield f"updated in {column}", lambda column=column: updated(access, column)  # type: ignore[misc]
    yield from (_by_replication if connection.vendor == "postgresql" else _by_replacing)(access)


def _by_replication(access: Access) -> Iterator[tuple[str, Callable[[], Answer]]]:
    if access.in_sets:
        yield "deleted by replication", lambda: replicated(deleted, access)
        yield "inserted by replication", lambda: replicated(inserted, access)


def _by_replacing(access: Access) -> Iterator[tuple[str, Callable[[], Answer]]]:
    if {"UPDATE", "DELETE"} & {*access.events}:
        yield "replaced by INSERT", lambda: replaced_by_insert(access)
        yield "replaced by UPDATE", lambda: replaced_by_update(access)
        if access.until:
            yield "replaced by one that ends earlier", lambda: ended_by_insert(access)
        if "UPDATE" in access.also and "INSERT" not in access.events:
            yield "followed when replaced", lambda: followed_when_replaced(access)


def wrong(access: Access) -> list[str]:
    """The events of which the log has not what it must have."""
    found = []
    for name, answer in answers(access):
        with undone():
            only(access)
            is_there, must = answer()
            if is_there != must or not must:
                found.append(f"{name}: {is_there}, not {must}")
            if access.kept and not name.startswith("replaced"):
                table = access.kept.source
                found += [f"{name}: {each}" for each in unkept([(table, access.kept)])]
    for name, check in replaced.of_access(access):
        with undone():
            only(access)
            found += [f"{name}: {each}" for each in check()]
    return found


CASCADE = """
WITH RECURSIVE emptied (id) AS (
  SELECT %s::regclass::oid UNION
  SELECT conrelid FROM pg_constraint JOIN emptied ON confrelid = id WHERE contype = 'f'
) SELECT relname FROM pg_class JOIN emptied ON oid = id
"""


def truncated(table: str) -> tuple[Touches, Touches]:
    """PostgreSQL empties others along: each that is captured touches everything of every tenant."""
    run("SET CONSTRAINTS ALL IMMEDIATE")
    emptied = {name for (name,) in run(CASCADE.replace("%s", literal(table)))}
    captured = {t.table for t in wanted(connection.vendor) if t.name.endswith("truncated")}
    after = max(AccessChange.objects.values_list("pk", flat=True), default=0)
    run(f"TRUNCATE {quoted(table)} CASCADE")
    rows = AccessChange.objects.filter(pk__gt=after, cause="truncated")
    found = Counter(rows.values_list("tenant_id", "user_id", "model", "object_id"))
    return found, Counter(dict.fromkeys(found, len(emptied & captured)))


def not_ended(table: str) -> list[str]:
    """What is not ended when this table is emptied; each that is kept has something open before."""
    run("SET CONSTRAINTS ALL IMMEDIATE")
    run("UPDATE earshot_tenants_user SET is_active = false WHERE username = 'both'")
    run("UPDATE earshot_tenants_tenant SET is_active = false WHERE slug = 'globex'")
    run("INSERT INTO auth_group (name) VALUES ('crowd')")
    run(
        "INSERT INTO earshot_tenants_user_groups (user_id, group_id) SELECT u.id, g.id"
        " FROM earshot_tenants_user u, auth_group g WHERE u.username = 'both' AND g.name = 'crowd'"
    )
    for source in {each.source for _, each in kept() if each.source.split(".")[0] == table}:
        into = BELONGS if source.startswith("earshot_tenants") else HELD
        open_ones = f"SELECT 1 FROM {into} WHERE source = {literal(source)} AND ended_at IS NULL"
        assert run(f"{open_ones} LIMIT 1")
    run(f"TRUNCATE {quoted(table)} CASCADE")
    return unkept()
