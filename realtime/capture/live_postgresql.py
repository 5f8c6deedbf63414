"""The triggers of live tables, and of tables that others show, for PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from realtime.capture import beside_postgresql, in_sets_postgresql, intervals
from realtime.capture.functions_postgresql import trigger
from realtime.capture.live import Live, Shown
from realtime.capture.parts_postgresql import (
    CHANGE,
    NEXT,
    Exact,
    General,
    of_update,
)
from realtime.capture.postgresql import NOW, differ, emptied
from realtime.capture.triggers import (
    ACCESSES,
    CHANGES,
    TENANTS,
    VERSIONS,
    Trigger,
    everybody,
    literal,
    quoted,
)

ALL: Final = ("INSERT", "UPDATE", "DELETE")


def triggers(
    lives: Iterable[Live], shown: Iterable[Shown], *, general: bool = False
) -> Iterator[Trigger]:
    """Yield the triggers of these tables, in their `general` form while migrations run."""
    forgotten: dict[str, str] = {}
    for live in lives:
        form = General(live) if general else Exact(live)
        needs = [CHANGES, ACCESSES, TENANTS, *live.tenancy.tables]
        needs += [intervals.HELD] if live.kept else []
        if live.beside:
            needs.append(VERSIONS)
            events: tuple[str, ...] = ALL
            after = beside_postgresql.after(live, form)
            forgotten[live.table] = beside_postgresql.forgotten(live)
        else:
            after, events = _updated(live, form), ("UPDATE",)
            yield from in_sets_postgresql.live(live, form, needs)
            before, writes = _before(live, form), ["INSERT", "UPDATE"]
            yield trigger(live.table, "before", "BEFORE", writes, before, needs=[CHANGES])
        yield trigger(live.table, "live", "AFTER", events, after, needs=needs)
        yield _truncated(live.table, forgotten.get(live.table, ""))
        if live.kept:
            yield emptied(live.table, live.kept.values())
    for table in shown:
        events = ALL if table.created else ("UPDATE", "DELETE")
        body = _note(table, general=general)
        yield trigger(table.table, "shown", "AFTER", events, body, needs=[CHANGES, TENANTS])
        yield _truncated(table.table, forgotten.get(table.table, ""))


def _truncated(table: str, besides: str = "") -> Trigger:
    body = f"{everybody('truncated', NOW)}\n{besides}\nRETURN NULL;"
    needs = [ACCESSES, TENANTS]
    return trigger(table, "truncated", "AFTER", ["TRUNCATE"], body, each="STATEMENT", needs=needs)


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


def _updated(live: Live, form: Exact) -> str:
    label = literal(live.label)
    new, old = live.names("NEW"), live.names("OLD")
    changed = CHANGE.format(id=NEXT, label=label, creation="false", fields=form.fields, **new)
    fixed = [live.key, live.tenant] if live.keeps_tenant else [live.key]
    version = quoted(live.version)
    # Not before the write: other triggers may still change the row after ours there.
    return f"""
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
{of_update(live, form, new, old, label)}
RETURN NULL;
"""


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
