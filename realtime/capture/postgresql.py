"""The triggers for PostgreSQL: functions that run with their owner's rights, whoever writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from permissions.accesslog import MANY
from realtime.capture import intervals, joining, locks
from realtime.capture.functions_postgresql import (
    IN_SETS,
    ONE_BY_ONE,
    WRITTEN,
    create,
    drop,
    installed,
    trigger,
)
from realtime.capture.intervals import BELONGS, HELD, Kept
from realtime.capture.numbering_postgresql import (
    NUMBER,
    NUMBER_KEPT,
    UNLESS_QUEUED,
    ending,
    expected,
)
from realtime.capture.tables import Access
from realtime.capture.triggers import (
    ACCESSES,
    CHANGES,
    REVISIONS,
    TENANTS,
    Trigger,
    columns,
    everybody,
    literal,
    quoted,
    stays,
)
from tenants.keys import logged, user_type

__all__ = ["create", "drop", "installed"]

NOW: Final = "clock_timestamp()"
LOCK: Final = 7_325_114_201
"""The advisory lock under which one process at a time installs; any otherwise unused number."""

SHARED: Final = " FOR SHARE"
SIDES: Final = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}
NEXT: Final = expected("b.tenant_id")
"""The revision of an interval that begins, or the one before it."""

# What the transaction itself wrote is not looked up in the tables: the query would be planned for
# the few rows that were there before.
ALL_OF: Final = "earshot.all_of"
KNOWN: Final = f"coalesce(nullif(current_setting('{ALL_OF}', true), ''), ',')"
ONE: Final = "pg_current_xact_id()::text || ':' || {0} || ','"
NEWS: Final = (
    f"t.a IS NOT NULL AND {stays('t.a', SHARED)} AND (t.b IS NULL AND t.c IS NULL"
    f" OR strpos({KNOWN}, ',' || {ONE.format('t.a')}) = 0)"
)
"""Whether a touch adds anything: its tenant stays, and is not touched as a whole anyway."""

# Many rows cost more to write, and to read in each process, than evaluating everything once. Only
# one row in SAMPLE counts them, since counting at each would cost more than writing them.
SAMPLE: Final = 1_000
AHEAD: Final = (
    f"(revision IS NULL OR revision > coalesce({intervals.revision('NEW.tenant_id')}, 0))"
)
"""Whether an access change has not been numbered: the transaction sees none but its own."""

TOO_MANY: Final = f"""
IF strpos({KNOWN}, ',' || {ONE.format("NEW.tenant_id")}) = 0
AND {{many}} = (SELECT count(*) FROM (
  SELECT FROM {ACCESSES} WHERE tenant_id = NEW.tenant_id AND {AHEAD} LIMIT {{many}}) own)
THEN
  PERFORM set_config('{ALL_OF}', {KNOWN} || {ONE.format("NEW.tenant_id")}, true);
  INSERT INTO {ACCESSES} (tenant_id, revision, cause, at)
    VALUES (NEW.tenant_id, {expected("NEW.tenant_id")}, 'many', {NOW});
END IF;
RETURN NULL;
"""

MUCH: Final = f"""
IF {{many}} < (SELECT count(*) FROM {WRITTEN}) THEN
  INSERT INTO {ACCESSES} (tenant_id, revision, cause, at)
    SELECT much.a, {expected("much.a")}, 'many', {NOW} FROM (
      SELECT t.a FROM ({{touches}}) t(a, b, c, d) WHERE {NEWS}
      GROUP BY t.a HAVING count(*) > {{many}} OFFSET 0) much
    WHERE set_config('{ALL_OF}', {KNOWN} || {ONE.format("much.a")}, true) <> '';
END IF;
"""
"""The same for a statement that alone touches much of a tenant, before it writes any row."""

CHANNEL: Final = "earshot"
# Our own writers wake themselves, and notifying at each commit would halve the rate of commits.
NOTIFY: Final = f"""
IF NEW.writer IS NULL OR NEW.writer !~ 'earshot:' THEN
  PERFORM pg_notify('{CHANNEL}', '');
END IF;
RETURN NULL;
"""


def numbering() -> Iterator[Trigger]:
    """Yield the trigger that gives access changes their revision, last in their transaction."""
    kept = "".join(NUMBER_KEPT.format(kept=table) for table in (HELD, BELONGS))
    body, needs = NUMBER.format(kept=kept.strip()), [REVISIONS, HELD, BELONGS]
    how: dict[str, Any] = {"deferred": True, "condition": UNLESS_QUEUED, "needs": needs}
    yield trigger(ACCESSES, "number", "AFTER", ["INSERT"], body, **how)


def summing(many: int = MANY, sample: int = SAMPLE) -> Iterator[Trigger]:
    """Yield the trigger by which a transaction that touches much of a tenant touches all of it."""
    body, sampled = TOO_MANY.format(many=many), f"NEW.id % {sample} = 0"
    yield trigger(ACCESSES, "many", "AFTER", ["INSERT"], body, condition=sampled)


def notifying() -> Iterator[Trigger]:
    """Yield the triggers that notify listeners of what no process of ours will announce."""
    for log in (CHANGES, ACCESSES):
        yield trigger(log, "notify", "AFTER", ["INSERT"], NOTIFY)


def differ(names: Iterable[str], new: str = "NEW", old: str = "OLD") -> str:
    """Return the condition that columns differ, byte by byte, even of types without equality."""
    names = list(names)
    images = (", ".join(columns(side, names)) for side in (new, old))
    return "record_image_ne(ROW({}), ROW({}))".format(*images)


def accesses(watched: Iterable[Access], many: int = MANY) -> Iterator[Trigger]:
    """Yield the triggers of the tables that decide who may see."""
    watched = list(watched)
    for access in watched:
        yield from _access(access, many)
    body = f"{everybody('truncated', NOW)}\nRETURN NULL;"
    for table in dict.fromkeys(access.table for access in watched):
        yield trigger(table, "truncated", "AFTER", ["TRUNCATE"], body, each="STATEMENT")
    for access in watched:
        if access.kept and not access.kept.named_by:
            yield emptied(access.table, [access.kept])


def joining_everybody() -> Iterator[Trigger]:
    """Yield the trigger that makes users members of the tenant of everybody."""
    if joining.is_needed():
        body = _by_event(dict(joining.bodies(NOW)))
        events = ["INSERT", "DELETE"]
        yield trigger(joining.table(), "everybody", "AFTER", events, body, needs=joining.NEEDS)


def emptied(table: str, kept: Iterable[Kept]) -> Trigger:
    """Return the trigger that ends the intervals of all rows of a table that is emptied."""
    kept = list(kept)
    body = "\n".join(
        f"{intervals.ended(each, 'truncated', NOW, ending(each.into))}"
        f" WHERE source = {literal(each.source)} AND ended_at IS NULL;"
        for each in kept
    )
    body += "\nRETURN NULL;"
    needs = [each.into for each in kept]
    return trigger(table, "emptied", "AFTER", ["TRUNCATE"], body, each="STATEMENT", needs=needs)


def _access(access: Access, many: int) -> Iterator[Trigger]:
    bodies, table, what = _bodies(access), access.table, access.what
    needs = [*access.needs, TENANTS]
    if not access.in_sets:
        yield trigger(table, what, "AFTER", bodies, _by_event(bodies), needs=needs)
        return
    updated = {"UPDATE": bodies.pop("UPDATE")}
    yield trigger(table, what, "AFTER", updated, _by_event(updated), needs=needs)
    one = _by_event(bodies)
    yield trigger(table, f"{what}_each", "AFTER", bodies, one, needs=needs, fires=ONE_BY_ONE)
    touches = access.touch.format(row=WRITTEN)
    log = MUCH.format(many=many, touches=touches) + _log(touches, access)
    for event, kept in _kept_in_sets(access).items():
        body = f"{kept}\n{log if event in access.events else ''}\nRETURN NULL;"
        what = f"{access.what}_{event.lower()}"
        yield trigger(table, what, "AFTER", [event], body, needs=needs, fires=IN_SETS)


def _kept_in_sets(access: Access) -> dict[str, str]:
    """Return, by event, the statement that keeps the intervals of all rows."""
    kept, cause = access.kept, access.cause
    assert kept is not None
    return {
        "INSERT": intervals.begin(kept, WRITTEN, cause, NOW, NEXT),
        "DELETE": ended(kept, cause),
    }


def ended(kept: Kept, cause: str) -> str:
    """Return the statement that ends the intervals of all written rows."""
    keys = f"SELECT {logged(kept.kind, f'w.{quoted(kept.columns[0])}')} FROM {WRITTEN} w"
    return intervals.end(kept, f"= ANY (ARRAY({keys}))", cause, NOW, ending(kept.into))


def _by_event(bodies: Mapping[str, str]) -> str:
    parts = (f"IF TG_OP = '{event}' THEN\n{body}\nEND IF;" for event, body in bodies.items())
    return "\n".join((*parts, "RETURN NULL;"))


def _bodies(access: Access) -> dict[str, str]:
    """Return, by event, what follows the write of a row."""
    old, new = (access.touch.format(row=f"(SELECT {side}.*)") for side in ("OLD", "NEW"))
    logs = {
        "INSERT": _log(new, access),
        "UPDATE": _log(old if access.until else f"{old} UNION {new}", access),
        "DELETE": _log(old, access),
    }
    logs = {event: log if event in access.events else "" for event, log in logs.items()}
    for event, statements in access.also.items():
        logs[event] += f"\n{statements}"
    for event, statements in _kept(access).items():
        logs[event] = f"{statements}\n{logs[event]}"  # first: the rest may number them
    for event in access.written if access.locks else ():
        held = (access.locks.replace(locks.SIDE, side) for side in SIDES[event])
        logs[event] = "\n".join((*held, logs[event]))
    for event, condition in _conditions(access).items():
        logs[event] = f"IF {condition} THEN\n{logs[event]}\nEND IF;"
    return {event: logs[event] for event in access.written}


def _kept(access: Access) -> dict[str, str]:
    """Return, by event, the statements that keep the intervals of the rows."""
    if access.kept is None:
        return {}
    kept, cause = access.kept, access.cause
    begins = intervals.begins(kept, "NEW", cause, NOW, NEXT)
    ends = intervals.ends(kept, "OLD", cause, NOW, ending(kept.into))
    if kept.named_by is None:
        return {"INSERT": begins, "UPDATE": f"{ends}\n{begins}", "DELETE": ends}
    # Those rows are there before the one that they name, and may be after it.
    return {
        "INSERT": f"{intervals.ends(kept, 'NEW', cause, NOW, ending(kept.into))}\n{begins}",
        "UPDATE": f"{ends}\n{begins}",
        "DELETE": f"{ends}\n{intervals.begins(kept, 'OLD', cause, NOW, NEXT)}",
    }


def _conditions(access: Access) -> dict[str, str]:
    """Return, by event, the condition under which it counts; an absent event always does."""
    key = [access.unique[0][0]] if access.kept else []  # it identifies the intervals
    counts = [differ([*access.watch, *key])] if access.watch else []
    counts += [access.or_if] if access.or_if else []
    if not access.until:
        return {"UPDATE": " OR ".join(counts)} if counts else {}
    old, new = (f"coalesce({side}.{quoted(access.until)}, 'infinity')" for side in ("OLD", "NEW"))
    return {"UPDATE": " OR ".join([*counts, f"{new} < {old}"]), "DELETE": f"{old} > {NOW}"}


def _log(touches: str, access: Access) -> str:
    news = "t.a IS NOT NULL" if access.always else NEWS
    return (
        f"INSERT INTO {ACCESSES} (tenant_id, revision, user_id, model, object_id, cause, at)\n"
        f"SELECT t.a, {expected('t.a')}, t.b::{user_type()}, t.c, t.d::text,"
        f" {literal(access.cause)}, {NOW}\n"
        f"FROM ({touches}) t(a, b, c, d) WHERE {news};"
    )


def lock(cursor: Any) -> None:
    """Wait for the lock on installing, and hold it until the transaction ends."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
