"""What of the ledger is chained: each kind of fact, by one declaration.

The columns of a kind never change, since older entries were made of them: a table that gets another
column gets another kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef

from permissions.models import AccessChange
from realtime.audit.chain import Fact, digest_of_text
from realtime.audit.inquiries import Inquiry
from realtime.audit.models import Access, ChainEntry, Push, Read
from realtime.audit.viewings import Applied, Viewing
from realtime.capture.interval_models import Belongs, Held
from tenants.models import Tenant

UNREADABLE: Final = {"unreadable": True}
"""What is sealed for a row that cannot be read: SQLite accepts any value in any column."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A fact of each row of a model that has a `tenant`.

    `written` is the column with the time at which the row was written. With `ended`, the fact
    exists once that column is not null. Of the columns in `hidden`, only a digest is sealed; those
    in `later` came after the kind, and are a part of the fact where they are not null.

    The rows of a model with an `xid` are found by their transactions, in whatever order these
    commit: whoever sets `ended` also sets it, to `commits.Stamp`. Other rows are found by their
    keys, and their ends by their times; `everything` finds those that were overtaken and missed.
    """

    name: str
    model: type[Any]
    columns: tuple[str, ...]
    written: str | None = None
    ended: str | None = None
    hidden: frozenset[str] = frozenset()
    later: tuple[str, ...] = ()

    @property
    def has_xid(self) -> bool:
        """Return whether its rows say which transaction wrote them."""
        return any(field.attname == "xid" for field in self.model._meta.concrete_fields)

    @property
    def rows(self) -> models.QuerySet[Any]:
        """Return the rows that have the fact, of tenants that are not being deleted."""
        there = Tenant.objects.filter(deleting_since=None)
        rows: models.QuerySet[Any] = self.model._base_manager.filter(tenant__in=there.order_by())
        return rows.filter(**{f"{self.ended}__isnull": False}) if self.ended else rows

    @property
    def unchained(self) -> models.QuerySet[Any]:
        """Return those of which no entry was made."""
        same = {"row": OuterRef("pk"), "tenant": OuterRef("tenant_id")}
        return self.rows.exclude(Exists(ChainEntry.objects.filter(kind=self.name, **same)))

    def facts(self, pks: Iterable[int]) -> dict[int, Found]:
        """Return the facts of those of these rows that exist, by key, in the order of the keys."""
        rows = self.model._base_manager.filter(pk__in=pks).order_by("pk")
        names = {
            "pk",
            "tenant_id",
            *self.columns,
            *self.later,
            *filter(None, (self.written, self.ended)),
        }
        names |= {"xid"} if self.has_xid else set()
        try:
            found = [(row["pk"], self._found(row)) for row in rows.values(*names)]
        except (TypeError, ValueError):
            return self._one_by_one(rows, names)
        return dict(found)

    def _one_by_one(self, rows: models.QuerySet[Any], names: Iterable[str]) -> dict[int, Found]:
        found = {}
        for pk, tenant_id in rows.values_list("pk", "tenant_id"):
            try:
                found[pk] = self._found(rows.filter(pk=pk).values(*names)[0])
            except (TypeError, ValueError):
                found[pk] = Found(tenant_id, UNREADABLE)
        return found

    def _found(self, row: Mapping[str, Any]) -> Found:
        shown = {name: _plain(row[name], name in self.hidden) for name in self.columns}
        shown |= {name: row[name] for name in self.later if row[name] is not None}
        fact = {"id": row["pk"], "tenant": row["tenant_id"], **shown}
        written = row[self.written] if self.written else None
        return Found(row["tenant_id"], fact, written, row.get("xid"))


@dataclass(frozen=True, slots=True)
class Found:
    """A fact as its row states it now, its tenant, and, if known, when and by which transaction it
    was written."""

    tenant_id: int
    fact: Fact
    written: datetime | None = None
    xid: int | None = None


def _plain(value: Any, hidden: bool) -> Any:
    """Return a value that JSON can express."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, UUID):
        return str(value)
    return digest_of_text(str(value)) if hidden and value is not None else value


def moment(at: datetime) -> str:
    """Return the canonical text of a time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


INTERVAL: Final = ("source", "source_id", "principal", "since", "began_at", "began")

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
    Kind(
        "read",
        Read,
        ("user_id", "model", "object_id", "audience", "minute"),
        written="minute",
    ),
    Kind(
        "held",
        Held,
        (*INTERVAL, "model", "object_id", "permission", "given_by"),
        later=("purpose",),
    ),
    Kind("held end", Held, ("until", "ended_at", "ended"), ended="ended_at"),
    Kind("belongs", Belongs, (*INTERVAL, "user_id")),
    Kind("belongs end", Belongs, ("until", "ended_at", "ended"), ended="ended_at"),
    Kind(
        "viewing",
        Viewing,
        ("user_id", "model", "where", "began_at", "process", "connection"),
        written="began_at",
    ),
    Kind("viewing end", Viewing, ("ended_at", "ended"), ended="ended_at"),
    Kind("applied", Applied, ("process", "revision", "read", "at"), written="at"),
    Kind("inquiry", Inquiry, ("at", "user_id", "what", "asked"), written="at"),
)  # fmt: skip

KINDS: Final = {kind.name: kind for kind in CHAINED}
