"""Who could have seen what, when, and why: what the ledger has, with the intervals behind it.

In both directions: for an object, who had it; for a user, what they had. Over sockets, and over
REST while the tenant has `record_reads`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from permissions.audiences import Audience, Resource, registry
from realtime.audit.models import MINUTE, Access, Push, Read
from realtime.capture.interval_models import Belongs, Held
from realtime.capture.intervals import BEFORE
from tenants.keys import Key
from tenants.models import Tenant

BATCH: Final = 500
OTHER: Final = "not recorded"
Row = Access | Read
Place = tuple[datetime, str, int]
"""Where a page ends: the time at which its last row began, over what, and the row's key."""


@dataclass(frozen=True, slots=True)
class Question:
    """An object, or a user, in a span of time; for an object, also a field or a pushed version."""

    tenant_id: int
    since: datetime | None = None
    until: datetime | None = None
    resource: Resource | None = None
    object_id: Key | None = None
    user_id: int | None = None
    field: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A table of the ledger whose rows say who had what: the column with the time at which a row
    began, and the condition that it had not ended before a time."""

    model: type[Row]
    began: str
    lasted: Callable[[datetime], Q]


SOURCES: Final = (
    Source(Read, "minute", lambda at: Q(minute__gt=at - MINUTE)),
    Source(Access, "began_at", lambda at: Q(ended_at=None) | Q(ended_at__gte=at)),
)


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody held a permission, from when until when. It began `before` its time if that is
    when the record began."""

    held: Held
    since: datetime
    before: bool
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A user had an object in one audience during a time; `way`, if it is recorded, says why they
    were in it."""

    access: Row
    way: Way | None

    @property
    def place(self) -> Place:
        """Return this row's place in the order of all rows."""
        return _place(self.access)

    @property
    def how(self) -> str:
        """Return in words how they came into the audience."""
        return how(self.way.held) if self.way else OTHER

    def purpose(self, tenant: Tenant) -> str:
        """Return what it was shown for, as the grant says, or else the tenant."""
        return (self.way and self.way.held.purpose) or tenant.purpose or OTHER

    @property
    def given_by(self) -> int | None:
        """Return who granted it to them, if that is known."""
        return self.way.held.given_by if self.way else None


def _place(row: Row) -> Place:
    return row.began_at, row.over, row.pk


def sockets_only(tenant: Tenant) -> bool:
    """Return whether nothing that was read over REST is in the ledger."""
    return not (tenant.record_reads or Read.objects.filter(tenant=tenant).exists())


def showing(resource: Resource, field: str) -> list[Audience]:
    """Return the audiences that are shown this field of the payload."""
    return [audience for audience in resource.audiences if field in audience.fields]


def batches(question: Question, after: Place | None = None) -> Iterator[list[Seen]]:
    """Yield what the ledger has, the oldest first, some hundred rows at a time."""
    while True:
        found = [row for each in SOURCES for row in rows(each, question, after)[:BATCH]]
        found = sorted(found, key=_place)[:BATCH]
        if not found:
            return
        yield explained(question.tenant_id, found)
        after = _place(found[-1])


def rows(source: Source, question: Question, after: Place | None = None) -> QuerySet[Any]:
    """Return a source's rows asked for that come after this place, in order, by an index."""
    found = source.model._default_manager.filter(_about(source, question))
    if question.since is not None:
        found = found.filter(source.lasted(question.since))
    if question.until is not None:
        found = found.filter(**{f"{source.began}__lte": question.until})
    if after is not None:
        began_at, over, pk = after
        found = found.filter(**{f"{source.began}__gte": began_at})
        if source.model.over < over:
            found = found.exclude(**{source.began: began_at})
        elif source.model.over == over:
            found = found.exclude(**{source.began: began_at, "pk__lte": pk})
    return found.order_by(source.began, "pk")


def _about(source: Source, question: Question) -> Q:
    """Return the condition on rows that are about what is asked for, whenever it was."""
    found = Q(tenant_id=question.tenant_id)
    if question.user_id is not None:
        found &= Q(user_id=question.user_id)
    if question.resource is not None:
        found &= Q(model=question.resource.label, object_id=question.object_id or 0)
        if question.field is not None:
            names = [each.name for each in showing(question.resource, question.field)]
            found &= Q(audience__in=names)
        if question.etag is not None:
            found &= _while_pushed(source, question)
    return found


def _while_pushed(source: Source, question: Question) -> Q:
    """Return the condition on rows of an audience while this version was its newest."""
    assert question.resource is not None
    pushes = Push.objects.filter(
        tenant_id=question.tenant_id,
        model=question.resource.label,
        object_id=question.object_id or 0,
    )
    found = Q(pk=None)
    for audience, version, at in pushes.filter(etag=question.etag).values_list(
        "audience", "version", "at"
    ):
        later = pushes.filter(audience=audience, version__gt=version).order_by("version")
        following = later.values_list("at", flat=True).first()
        during = Q(audience=audience) & source.lasted(at)
        found |= during & Q(**{f"{source.began}__lt": following}) if following else during
    return found


def explained(tenant_id: int, rows: Sequence[Row]) -> list[Seen]:
    """Explain how the user of each row came into the audience; two queries for all."""
    belongs = _belongs(tenant_id, {row.user_id for row in rows})
    principals = {f"user:{row.user_id}" for row in rows}
    principals |= {each.principal for some in belongs.values() for each in some}
    held: defaultdict[tuple[str, Key | None], list[Held]] = defaultdict(list)
    for each in Held.objects.filter(
        Q(tenant=tenant_id, object_id__in={row.object_id for row in rows}) | Q(object_id=None),
        model__in={row.model for row in rows},
        principal__in=principals,
    ).order_by("pk"):
        held[each.model, each.object_id].append(each)
    return [
        _seen(row, held[row.model, row.object_id] + held[row.model, None], belongs[row.user_id])
        for row in rows
    ]


def _belongs(tenant_id: int, users: Iterable[int]) -> defaultdict[int, list[Belongs]]:
    found: defaultdict[int, list[Belongs]] = defaultdict(list)
    here = Q(tenant=tenant_id) | Q(tenant=None)
    for row in Belongs.objects.filter(here, user_id__in=set(users)).order_by("pk"):
        found[row.user_id or 0].append(row)
    return found


def _seen(row: Row, held: Iterable[Held], belongs: Iterable[Belongs]) -> Seen:
    """Return the row with the first way to the audience when it began, else while it lasted."""
    permission = _permission(row)
    end = row.ended_at or timezone.now()
    ways = list(_ways(row.user_id, (h for h in held if h.permission == permission), belongs))
    for upto in (row.began_at, end):
        for way in ways:
            if way.since <= upto and (way.until is None or way.until >= row.began_at):
                return Seen(row, way)
    return Seen(row, None)


def _permission(row: Row) -> str | None:
    audience = registry.get(row.model).audience(row.audience) if row.model in registry else None
    return None if audience is None else audience.permission


def _ways(user_id: int, held: Iterable[Held], belongs: Iterable[Belongs]) -> Iterator[Way]:
    """Return the spans in which the user held it: themselves, or by belonging to who did."""
    belongs = list(belongs)
    for each in held:
        if each.principal == f"user:{user_id}":
            yield Way(each, each.began_at, each.began == BEFORE, each.ended_at)
        for row in belongs:
            if row.principal == each.principal:
                later = max(each, row, key=lambda interval: interval.began_at)
                ends = [end for end in (each.ended_at, row.ended_at) if end is not None]
                yield Way(each, later.began_at, later.began == BEFORE, min(ends, default=None))


def how(held: Held) -> str:
    """Return in words how somebody came to hold it."""
    kind, _, name = held.principal.partition(":")
    if held.source == "role":
        return f"the role {name} has it on every object"
    if "." in held.source:
        column = held.source.split(".")[1].removesuffix("_id")
        return f"the object's {column} was this user"
    if kind == "user":
        return "a grant to them"
    return f"a grant to the role {name}" if kind == "role" else "a grant to a group"
