"""The triggers for PostgreSQL of objects whose versions are beside their rows.

Nothing in the row is ours: its key may change, which is a deletion and a creation, and its tenant.
"""

from __future__ import annotations

from typing import Final

from realtime.capture import intervals, locks
from realtime.capture.live import DELETED, Live
from realtime.capture.parts_postgresql import CHANGE, NEXT, SEP, Exact, access, of_update
from realtime.capture.postgresql import differ
from realtime.capture.triggers import VERSIONS, literal

OF: Final = "model = {label} AND object_id = {key}"
CREATED: Final = f"""
  INSERT INTO {VERSIONS} (model, object_id, version) VALUES ({{label}}, {{key}}, counted)
    ON CONFLICT (model, object_id) DO UPDATE SET version = excluded.version;"""
COUNTED: Final = f"""
  INSERT INTO {VERSIONS} AS known (model, object_id, version) VALUES ({{label}}, {{key}}, 1)
    ON CONFLICT (model, object_id) DO UPDATE SET version = known.version + 1
    RETURNING version INTO counted;"""


def after(live: Live, form: Exact) -> str:
    """Return the body of the trigger that follows what is written of an object."""
    label = literal(live.label)
    new, old = (
        {"tenant": live.of(side), "key": live.logged(side), "label": label}
        for side in ("NEW", "OLD")
    )
    creation = CHANGE.format(id="counted", version="counted", creation="true", fields="NULL", **new)
    change = CHANGE.format(id=NEXT, version="counted", creation="false", fields=form.fields, **new)
    revision = f"coalesce({intervals.revision(new['tenant'])}, 0)"
    return f"""
DECLARE
  counted bigint;
  renamed boolean := false;
BEGIN
IF TG_OP = 'UPDATE' THEN
  renamed := {differ([live.key])};
  {_moving(live)}
END IF;
{_staying(live)}
IF TG_OP = 'DELETE' OR renamed THEN
  {SEP.join(form.end(column, DELETED) for column in live.kept)}
  {access(form, DELETED, [(old["tenant"], "NULL", label, old["key"])])}
  DELETE FROM {VERSIONS} WHERE {OF.format(**old)};
END IF;
IF TG_OP = 'INSERT' OR renamed THEN
  counted := {NEXT};{CREATED.format(**new)}
  {_in_one(live, new["tenant"], creation)}
  {SEP.join(form.begin(column, intervals.CREATED, revision) for column in live.kept)}
END IF;
IF TG_OP <> 'UPDATE' OR renamed THEN
  RETURN NULL;
END IF;
IF {form.changed} THEN{COUNTED.format(**new)}
  {_in_one(live, new["tenant"], change)}
END IF;
{of_update(live, form, new, old, label)}
RETURN NULL;
END;
"""


def _moving(live: Live) -> str:
    """Return the statement by which an object that moves waits for all that names it."""
    if not live.moves:
        return ""
    waits = locks.moving(live.table, live.key, live.tenancy).replace(locks.SIDE, "OLD")
    return f"IF {differ(live.tenancy.columns)} THEN\n  {waits}\n  END IF;"


def _staying(live: Live) -> str:
    """Return the statement by which what places the object waits for this write of it."""
    if not live.tenancy.steps:
        return ""
    new, old = (locks.path(live.tenancy, side) for side in ("NEW", "OLD"))
    return f"IF TG_OP = 'DELETE' THEN\n  {old}\nELSE\n  {new}\nEND IF;"


def _in_one(live: Live, tenant: str, statement: str) -> str:
    """Return the statement, which is left out for an object that is in no tenant."""
    if not live.tenancy.nullable:
        return statement
    return f"IF {tenant} IS NOT NULL THEN\n  {statement}\nEND IF;"


def forgotten(live: Live) -> str:
    """Return the statement that forgets the versions of all objects."""
    return f"DELETE FROM {VERSIONS} WHERE model = {literal(live.label)};"
