"""What the triggers of live tables are made of, for PostgreSQL.

Each function also has a general form, slower, which is installed while migrations run: it survives
whatever they do to the compared columns. The exact form would fail, since PostgreSQL looks up a
field of a record that is gone, or whose type changed in an open session.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from realtime.capture import intervals, postgresql
from realtime.capture.live import HELD, MOVED, VISIBILITY, Live
from realtime.capture.numbering_postgresql import XID, ending, expected
from realtime.capture.postgresql import NOW, SHARED, differ
from realtime.capture.triggers import ACCESSES, CHANGES, literal, quoted, stays
from tenants.keys import user_type

CHANGE: Final = (
    f"INSERT INTO {CHANGES} (id, tenant_id, model, object_id, version, creation, fields, xid, at)"
    " VALUES ({id}, {tenant}, {label}, {key}, {version}, {creation}, {fields}, "
    f"{XID}, {NOW});"
)
NEXT: Final = f"nextval('{CHANGES}_id_seq')"
SEP: Final = "\n  "


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
        kept = self.live.kept[column]
        return intervals.ends(kept, "OLD", cause, NOW, ending(kept.into))

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
        besides = [live.key, *live.placed, live.version, *(stamp for stamp, _ in live.stamps)]
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
        besides = ", ".join(map(literal, (self.live.key, *self.live.placed, self.live.version)))
        return f"""(SELECT jsonb_agg(name ORDER BY name) FROM (
  SELECT coalesce(jsonb_build_object({named}) ->> n.key, n.key) AS name
  FROM jsonb_each(to_jsonb(NEW) - ARRAY[{besides}]) n
  LEFT JOIN jsonb_each(to_jsonb(OLD)) o ON o.key = n.key
  WHERE n.value::text IS DISTINCT FROM o.value::text
) differing)"""


def of_update(live: Live, form: Exact, new: dict[str, str], old: dict[str, str], label: str) -> str:
    """Return the access changes of an update: of holders, of visibility and of the tenant."""
    found = []
    for column in live.holders:
        both = (f"{side}.{quoted(column)}" for side in ("OLD", "NEW"))
        if isinstance(form, General):
            both = (
                f"(to_jsonb({side}) ->> {literal(column)})::{user_type()}"
                for side in ("OLD", "NEW")
            )
        touches = [(new["tenant"], user, label, new["key"]) for user in both]
        moved = form.end(column, HELD), form.begin(column, HELD, postgresql.NEXT)
        touched = SEP.join((*moved, access(form, HELD, touches)))
        found.append(f"IF {form.differ([column])} THEN\n  {touched}\nEND IF;")
    object_ = (new["tenant"], "NULL", label, new["key"])
    if live.visible:
        touched = access(form, VISIBILITY, [object_])
        found.append(f"IF {form.differ(live.visible)} THEN\n  {touched}\nEND IF;")
    if live.moves:
        touches = [(old["tenant"], "NULL", label, old["key"]), object_]
        touched = SEP.join((*_moved(live, form), access(form, MOVED, touches)))
        found.append(f"IF {differ(live.tenancy.columns)} THEN\n  {touched}\nEND IF;")
    return "\n".join(found)


def _moved(live: Live, form: Exact) -> Iterator[str]:
    """Yield the statements that let the intervals of holders go on in the other tenant."""
    for column in live.kept:
        both = f"{form.end(column, MOVED)}\n{form.begin(column, MOVED, postgresql.NEXT)}"
        yield f"IF NOT {form.differ([column])} THEN\n  {both}\nEND IF;"


def access(form: Exact, cause: str, touches: Iterable[tuple[str, str, str, str]]) -> str:
    rows = ", ".join(
        f"({tenant}, {user}::{user_type()}, {model}, {key})" for tenant, user, model, key in touches
    )
    return (
        f"INSERT INTO {ACCESSES} (tenant_id, user_id, model, object_id, revision, cause, at)"
        f" SELECT t.*, {expected('t.a')}, {literal(cause)}, {NOW}"
        f" FROM (VALUES {rows}) t(a, b, c, d)"
        f" WHERE t.a IS NOT NULL AND {form.stays('t.a')};"
    )
