"""The triggers for PostgreSQL that work on all rows of a statement at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from realtime.capture import intervals, parts_postgresql
from realtime.capture.functions_postgresql import IN_SETS, ONE_BY_ONE, WRITTEN, trigger
from realtime.capture.live import DELETED, Live
from realtime.capture.numbering_postgresql import XID, expected
from realtime.capture.parts_postgresql import SEP, Exact, General
from realtime.capture.postgresql import NOW, SHARED, ended
from realtime.capture.triggers import ACCESSES, CHANGES, Trigger, literal, stays

CREATED: Final = (
    f"INSERT INTO {CHANGES} (id, tenant_id, model, object_id, version, creation, fields, xid, at)"
    " SELECT {version}, {tenant}, {label}, {key}, {version}, true, NULL, "
    f"{XID}, {NOW} FROM {WRITTEN} w;"
)
EACH: Final = """
DECLARE
  {side} record;
BEGIN
FOR {side} IN SELECT * FROM {rows} LOOP
  {body}
END LOOP;
END;
"""


def live(live: Live, form: Exact, needs: list[str]) -> Iterator[Trigger]:
    """Yield the triggers of objects that are created and deleted, by whatever way."""
    created, deleted = _created_one(live, form), _deleted_one(live, form)
    one = f"IF TG_OP = 'INSERT' THEN\n  {created}\nELSE\n  {deleted}\nEND IF;\nRETURN NULL;"
    events = ["INSERT", "DELETE"]
    yield trigger(live.table, "each", "AFTER", events, one, needs=needs, fires=ONE_BY_ONE)
    if isinstance(form, General):
        bodies = [_each("NEW", created), _each("OLD", deleted)]
    else:
        bodies = [_created(live), _deleted(live)]
    for event, what, body in zip(events, ("created", "deleted"), bodies, strict=True):
        body = f"{body}\nRETURN NULL;"
        yield trigger(live.table, what, "AFTER", [event], body, needs=needs, fires=IN_SETS)


def _each(side: str, body: str) -> str:
    """Return what does for each row what the trigger of one row does."""
    return EACH.format(side=side.lower(), rows=WRITTEN, body=body)


def _created_one(live: Live, form: Exact) -> str:
    new = live.names("NEW")
    created = parts_postgresql.CHANGE.format(
        id=new["version"], label=literal(live.label), creation="true", fields="NULL", **new
    )
    since = f"coalesce({intervals.revision(new['tenant'])}, 0)"
    begun = (form.begin(column, intervals.CREATED, since) for column in live.kept)
    return SEP.join([created, *begun])


def _deleted_one(live: Live, form: Exact) -> str:
    old, label = live.names("OLD"), literal(live.label)
    touches = [(old["tenant"], "NULL", label, old["key"])]
    ended = (form.end(column, DELETED) for column in live.kept)
    return SEP.join([*ended, parts_postgresql.access(form, DELETED, touches)])


def _created(live: Live) -> str:
    since = f"coalesce({intervals.revision('b.tenant_id')}, 0)"
    begun = (
        intervals.begin(kept, WRITTEN, intervals.CREATED, NOW, since) for kept in live.kept.values()
    )
    return "\n".join([CREATED.format(label=literal(live.label), **live.names("w")), *begun])


def _deleted(live: Live) -> str:
    row = live.names("w")
    log = (
        f"INSERT INTO {ACCESSES} (tenant_id, revision, model, object_id, cause, at)"
        f" SELECT {row['tenant']}, {expected(row['tenant'])}, {literal(live.label)}, {row['key']},"
        f" {literal(DELETED)}, {NOW} FROM {WRITTEN} w WHERE {stays(row['tenant'], SHARED)};"
    )
    return "\n".join([*(ended(kept, DELETED) for kept in live.kept.values()), log])
