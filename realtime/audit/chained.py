"""What of the ledger is chained: each kind of fact, by one declaration.

What a kind's columns are never changes, since older entries were made of them: a table that gets
another column gets another kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db import models
from django.db.models import Exists, OuterRef

from permissions.models import AccessChange
from realtime.audit.chain import Fact, digest_of_text
from realtime.audit.models import Access, ChainEntry, Push

UNREADABLE: Final = {"unreadable": True}
"""What is sealed of a row that cannot be read: SQLite takes any value in any column."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A fact of each row of a model that has a `tenant`, and an `xid` with its transaction.

    `written` is the column that says when the row was written. With `ended`, the fact is there once
    that column is not null: whoever sets it sets `xid` too, to `commits.Stamp`. Of the columns in
    `hidden` only a digest is sealed.
    """

    name: str
    model: type[Any]
    columns: tuple[str, ...]
    written: str | None = None
    ended: str | None = None
    hidden: frozenset[str] = frozenset()

    @property
    def rows(self) -> models.QuerySet[Any]:
        """The rows that have the fact, of tenants that are not being deleted."""
        rows = self.model._base_manager.filter(tenant__deleting_since=None)
        return rows.filter(**{f"{self.ended}__isnull": False}) if self.ended else rows

    @property
    def unchained(self) -> models.QuerySet[Any]:
        """Those that no entry was made of."""
        same = {"row": OuterRef("pk"), "tenant": OuterRef("tenant_id")}
        return self.rows.exclude(Exists(ChainEntry.objects.filter(kind=self.name, **same)))

    def facts(self, pks: Iterable[int]) -> dict[int, Found]:
        """Return the facts of those of these rows that are there, by their keys, in that order."""
        rows = self.model._base_manager.filter(pk__in=pks).order_by("pk")
        names = {"pk", "tenant_id", "xid", *self.columns, *filter(None, (self.written, self.ended))}
        try:
            found = [(row["pk"], self._found(row)) for row in rows.values(*names)]
        except (TypeError, ValueError):
            return self._one_by_one(rows, names)
        return dict(found)

    def _one_by_one(self, rows: models.QuerySet[Any], names: Iterable[str]) -> dict[int, Found]:
        found = {}
        for pk, tenant_id, xid in rows.values_list("pk", "tenant_id", "xid"):
            try:
                found[pk] = self._found(rows.filter(pk=pk).values(*names)[0])
            except (TypeError, ValueError):
                found[pk] = Found(tenant_id, UNREADABLE, None, xid)
        return found

    def _found(self, row: Mapping[str, Any]) -> Found:
        shown = {name: _plain(row[name], name in self.hidden) for name in self.columns}
        fact = {"id": row["pk"], "tenant": row["tenant_id"], **shown}
        written = row[self.written] if self.written else None
        return Found(row["tenant_id"], fact, written, row["xid"])


@dataclass(frozen=True, slots=True)
class Found:
    """A fact as its row says it now, whose it is, and when and by which transaction it was written,
    if that is known."""

    tenant_id: int
    fact: Fact
    written: datetime | None
    xid: int | None


def _plain(value: Any, hidden: bool) -> Any:
    """Return what JSON can say for a value."""
    if isinstance(value, datetime):
        return moment(value)
    return digest_of_text(str(value)) if hidden and value is not None else value


def moment(at: datetime) -> str:
    """Return the one spelling of a time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


CHAINED: Final = (
    Kind(
        "access change",
        AccessChange,
        ("revision", "user_id", "model", "object_id", "cause", "writer", "at"),
        written="at",
    ),
    Kind(
        "access",
        Access,
        (
            "user_id", "model", "object_id", "audience", "began_at", "began", "process",
            "connection",
        ),
        written="began_at",
    ),
    Kind("access end", Access, ("ended_at", "ended"), ended="ended_at"),
    Kind(
        "push",
        Push,
        ("at", "model", "object_id", "audience", "version", "fields", "etag", "size", "payload"),
        written="at",
        hidden=frozenset({"payload"}),
    ),
)  # fmt: skip

KINDS: Final = {kind.name: kind for kind in CHAINED}
