"""The triggers of live tables, and of tables that others show, for PostgreSQL.

Each function also has a general form, slower, which is installed while migrations run: it survives
whatever they do to the compared columns. The exact form would fail, since PostgreSQL looks up a
field of a record that is gone, or whose type changed in an open session.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from realtime.capture import intervals, postgresql
from realtime.capture.live import DELETED, HELD, MOVED, VISIBILITY, Live, Shown
from realtime.capture.postgresql import NOW, SHARED, differ, emptied, trigger
from realtime.capture.triggers import (
    ACCESSES,
    CHANGES,
    TENANTS,
    Trigger,
    everybody,
    literal,
    quoted,
    stays,
)

XID: Final = "pg_current_xact_id()::text::bigint"
CHANGE: Final = (
    f"INSERT INTO {CHANGES} (id, tenant_id, model, object_id, version, creation, fields, xid, at)"
    " VALUES ({id}, {tenant}, {label}, {key}, {version}, {creation}, {fields}, "
    f"{XID}, {NOW});"
)
NEXT: Final = f"nextval('{CHANGES}_id_seq')"
SEP: Final = "\n  "
ALL: Final = ("INSERT", "UPDATE", "DELETE")


def triggers(
    lives: Iterable[Live], shown: Iterable[Shown], *, general: bool = False
) -> Iterator[Trigger]:
    """Yield the triggers of these tables, in their `general` form while migrations run."""
    for live in lives:
        form = General(live) if general else Exact(live)
        yield trigger(
            live.table,
            "before",
            "BEFORE",
            ["INSERT", "UPDATE"],
            _before(live, form),
            needs=[CHANGES],
        )
        needs = [CHANGES, ACCESSES, TENANTS, *([intervals.HELD] if live.kept else [])]
        yield trigger(live.table, "live", "AFTER", ALL, _after(live, form), needs=needs)
        yield _truncated(live.table)
        if live.kept:
            yield emptied(live.table, live.kept.values())
    for table in shown:
        events = ALL if table.created else ["UPDATE", "DELETE"]
        body = _note(table, general=general)
        yield trigger(table.table, "shown", "AFTER", events, body, needs=[CHANGES, TENANTS])
        yield _truncated(table.table)


def _truncated(table: str) -> Trigger:
    body = f"{everybody('truncated', NOW)}\nRETURN NULL;"
    needs = [ACCESSES, TENANTS]
    return trigger(table, "truncated", "AFTER", ["TRUNCATE"], body, each="STATEMENT", needs=needs)


class Exact:
    """Compares and writes columns by name: byte by byte, and fast."""

    def __init__(self, live: Live) -> None:
        self.live = live

    @staticmethod
    def differ(names: Iterable[str]) -> str:
        """Return the condition that any of these columns differs."""
        return differ(names)

    @property
    def changed(self) -> str:
        """Return the condition that any compared column differs."""
        return differ(self.live.compared)

    def put(self, column: str, value: str) -> str:
        """Return the statement that writes a value into NEW."""
        return f"NEW.{quoted(column)} := {value};"

    def begin(self, column: str, cause: str, since: str) -> str:
        """Return the statement that begins the interval of the user in this holder's column."""
        begins = intervals.begins(self.live.kept[column], "NEW", cause, NOW, since)
        return f"IF NEW.{quoted(column)} IS NOT NULL THEN\n  {begins}\nEND IF;"

    def end(self, column: str, cause: str) -> str:
        """Return the statement that ends that interval."""
        return intervals.ends(self.live.kept[column], "OLD", cause, NOW)

    @staticmethod
    def stays(tenant: str) -> str:
        """Return the condition that this tenant is not being deleted."""
        return stays(tenant, SHARED)

    @property
    def fields(self) -> str:
        """Return the names of the fields that differ, as SQL."""
        names = (
            f"CASE WHEN {differ([column])} THEN {literal(field)} END"
            for column, field in self.live.fields
        )
        return f"to_jsonb(array_remove(ARRAY[{', '.join(names)}], NULL))"


class General(Exact):
    """Compares and writes whatever columns the row has, by its JSON."""

    @staticmethod
    def differ(names: Iterable[str]) -> str:
        of = "(to_jsonb({}) -> {})::text"
        pairs = (
            f"{of.format('NEW', literal(name))} IS DISTINCT FROM {of.format('OLD', literal(name))}"
            for name in names
        )
        return f"({' OR '.join(pairs)})"

    @property
    def changed(self) -> str:
        live = self.live
        besides = [live.key, live.tenant, live.version, *(stamp for stamp, _ in live.stamps)]
        besides += [column for column, _ in live.generated]  # computed only after a BEFORE trigger
        names = ", ".join(map(literal, besides))
        return " IS DISTINCT FROM ".join(
            f"(to_jsonb({side}) - ARRAY[{names}])::text" for side in ("NEW", "OLD")
        )

    def put(self, column: str, value: str) -> str:
        # Not by name: the stamp's column may be gone.
        return f"NEW := jsonb_populate_record(NEW, jsonb_build_object({literal(column)}, {value}));"

    def begin(self, column: str, cause: str, since: str) -> str:
        kept = self.live.kept[column]
        names = (f"NEW.{quoted(name)} AS {quoted(name)}" for name in kept.columns[:2])
        of = f"to_jsonb(NEW) ->> {literal(column)} AS {quoted(column)}"
        return intervals.begin(kept, f"(SELECT {', '.join(names)}, {of})", cause, NOW, since)

    @staticmethod
    def stays(tenant: str) -> str:
        return "true"  # the column that says it may not exist yet

    @property
    def fields(self) -> str:
        named = ", ".join(f"{literal(c)}, {literal(f)}" for c, f in self.live.fields if c != f)
        besides = ", ".join(map(literal, (self.live.key, self.live.tenant, self.live.version)))
        return f"""(SELECT jsonb_agg(name ORDER BY name) FROM (
  SELECT coalesce(jsonb_build_object({named}) ->> n.key, n.key) AS name
  FROM jsonb_each(to_jsonb(NEW) - ARRAY[{besides}]) n
  LEFT JOIN jsonb_each(to_jsonb(OLD)) o ON o.key = n.key
  WHERE n.value::text IS DISTINCT FROM o.value::text
) differing)"""


def _before(live: Live, form: Exact) -> str:
    version = quoted(live.version)
    stamps = "\n".join(
        f"IF {form.differ(sources)} THEN {form.put(stamp, 'clock_timestamp()')}"
        f" ELSE {form.put(stamp, _old(form, stamp))} END IF;"
        for stamp, sources in live.stamps
    )
    # A version raised by one and nothing else is kept: that is how rows that show another
    # are raised. So is one that is the id of its change: it is above all that the row ever had.
    return f"""
IF TG_OP = 'INSERT' THEN
  NEW.{version} := {NEXT};
  RETURN NEW;
END IF;
{stamps}
IF {form.changed} THEN
  NEW.{version} := OLD.{version} + 1;
ELSIF NEW.{version} NOT IN (OLD.{version}, OLD.{version} + 1) AND NOT (
  NEW.{version} > OLD.{version} AND EXISTS (
    SELECT FROM {CHANGES} c WHERE c.id = NEW.{version} AND c.version = c.id
      AND c.model = {literal(live.label)} AND c.object_id = {live.logged("NEW")})
) THEN
  NEW.{version} := OLD.{version};
END IF;
RETURN NEW;
"""


def _old(form: Exact, column: str) -> str:
    general = isinstance(form, General)
    return f"to_jsonb(OLD) -> {literal(column)}" if general else f"OLD.{quoted(column)}"


def _after(live: Live, form: Exact) -> str:
    label = literal(live.label)
    new, old = live.names("NEW"), live.names("OLD")
    created = CHANGE.format(id=new["version"], label=label, creation="true", fields="NULL", **new)
    changed = CHANGE.format(id=NEXT, label=label, creation="false", fields=form.fields, **new)
    fixed = [live.key, live.tenant] if live.keeps_tenant else [live.key]
    version = quoted(live.version)
    revision = f"coalesce({intervals.revision(new['tenant'])}, 0)"
    # Not before the write: other triggers may still change the row after ours there.
    return f"""
IF TG_OP = 'INSERT' THEN
  {created}
  {SEP.join(form.begin(column, intervals.CREATED, revision) for column in live.kept)}
  RETURN NULL;
END IF;
IF TG_OP = 'DELETE' THEN
  {SEP.join(form.end(column, DELETED) for column in live.kept)}
  {_access(form, DELETED, [(old["tenant"], "NULL", label, old["key"])])}
  RETURN NULL;
END IF;
IF {differ(fixed)} THEN
  RAISE EXCEPTION '{live.label} % keeps its key and its tenant; create another object instead.',
    OLD.{quoted(live.key)} USING ERRCODE = 'check_violation';
END IF;
IF {form.changed} THEN
  IF {new["version"]} = {old["version"]} THEN
    NEW.{version} := {old["version"]} + 1;
    UPDATE {quoted(live.table)} SET {version} = {new["version"]}
      WHERE {quoted(live.key)} = NEW.{quoted(live.key)};
  END IF;
  {changed}
END IF;
{_of_update(live, form, new, old, label)}
RETURN NULL;
"""


def _of_update(
    live: Live, form: Exact, new: dict[str, str], old: dict[str, str], label: str
) -> str:
    """Return the access changes of an update: of holders, of visibility and of the tenant."""
    found = []
    for column in live.holders:
        both = (f"{side}.{quoted(column)}" for side in ("OLD", "NEW"))
        if isinstance(form, General):
            both = (f"(to_jsonb({side}) ->> {literal(column)})::bigint" for side in ("OLD", "NEW"))
        touches = [(new["tenant"], user, label, new["key"]) for user in both]
        touched = _access(form, HELD, touches)
        if column in live.kept:
            moved = form.end(column, HELD), form.begin(column, HELD, postgresql.NEXT)
            touched = SEP.join((*moved, touched))
        found.append(f"IF {form.differ([column])} THEN\n  {touched}\nEND IF;")
    object_ = (new["tenant"], "NULL", label, new["key"])
    if live.visible:
        touched = _access(form, VISIBILITY, [object_])
        found.append(f"IF {form.differ(live.visible)} THEN\n  {touched}\nEND IF;")
    if not live.keeps_tenant:
        touches = [(old["tenant"], "NULL", label, old["key"]), object_]
        touched = _access(form, MOVED, touches)
        found.append(f"IF {differ([live.tenant])} THEN\n  {touched}\nEND IF;")
    return "\n".join(found)


def _access(form: Exact, cause: str, touches: Iterable[tuple[str, str, str, str]]) -> str:
    rows = ", ".join(
        f"({tenant}, {user}::bigint, {model}, {key})" for tenant, user, model, key in touches
    )
    return (
        f"INSERT INTO {ACCESSES} (tenant_id, user_id, model, object_id, cause, at)"
        f" SELECT t.*, {literal(cause)}, {NOW} FROM (VALUES {rows}) t(a, b, c, d)"
        f" WHERE {form.stays('t.a')};"
    )


def _note(shown: Shown, *, general: bool) -> str:
    """Return the note of the row as it was, by which what showed it is found after the commit."""
    form = General if general else Exact
    differs = form.differ(shown.watched) if shown.watched else "false"
    kept = ", ".join(literal(column) for column in shown.kept)
    was = f"""jsonb_build_object('was', (
  SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE key IN ({kept})))"""
    return f"""
IF TG_OP = 'INSERT' THEN
  {_noted(form, shown, "NEW", "NULL")}
ELSIF TG_OP = 'DELETE' THEN
  {_noted(form, shown, "OLD", was)}
ELSIF {differs} THEN
  {_noted(form, shown, "NEW", was)}
END IF;
RETURN NULL;
"""


def _noted(form: type[Exact], shown: Shown, side: str, was: str) -> str:
    tenant = f"{side}.{quoted(shown.tenant)}" if shown.tenant else "0"
    note = CHANGE.format(
        id=NEXT,
        tenant=tenant,
        label=literal(shown.label),
        key=shown.logged(side),
        version="0",
        creation="false",
        fields=was,
    )
    return f"IF {form.stays(tenant)} THEN\n  {note}\nEND IF;" if shown.tenant else note
