"""The rows of the ledger that answer who had what: those asked for, in order, each by an index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from permissions.audiences import Audience, Resource
from realtime.audit import spans
from realtime.audit.models import MINUTE, Access, Push, Read
from realtime.audit.questions import Place, Question

FIRST: Final = spans.BEGINNING + MINUTE
Row = Access | Read


@dataclass(frozen=True, slots=True)
class Source:
    """A table of the ledger whose rows say who had what: the column with the time at which a row
    began, and the condition that it had not ended before a time; whether it `lasts` so long that
    this says nothing of when it began."""

    model: type[Row]
    began: str
    lasted: Callable[[datetime], Q]
    lasts: bool


SOURCES: Final = (
    Source(Read, "minute", lambda at: Q(minute__gt=max(at, FIRST) - MINUTE), lasts=False),
    Source(Access, "began_at", lambda at: Q(ended_at=None) | Q(ended_at__gte=at), lasts=True),
)


class Part(NamedTuple):
    """What of a question an index answers: of one audience, or of any, what had not ended by
    `since`, had begun by `until`, and `before` another version was the newest."""

    audience: str | None
    since: datetime | None
    until: datetime | None
    before: datetime | None = None

    def has(self, audience: str, began_at: datetime, ended_at: datetime | None) -> bool:
        """Return whether somebody in this audience from then until then is of the part."""
        return (
            self.audience in (None, audience)
            and (self.since is None or ended_at is None or ended_at >= self.since)
            and (self.until is None or began_at <= self.until)
            and (self.before is None or began_at < self.before)
        )


def place(row: Row) -> Place:
    """Return where a page ends that this row is the last of."""
    return Place(row.began_at, row.over, row.pk)


def showing(resource: Resource, field: str) -> list[Audience]:
    """Return the audiences that are shown this field of the payload."""
    return [audience for audience in resource.audiences if field in audience.fields]


def parts(question: Question) -> list[Part]:
    """Return the parts of a question, each of which an index answers: a few audiences among many
    have no other."""
    names: list[str] | None = None
    if question.resource is not None and question.field is not None:
        names = [each.name for each in showing(question.resource, question.field)]
    if question.etag is not None:
        return [
            Part(audience, max(at, question.since or at), question.until, following)
            for audience, at, following in _pushed(question)
            if names is None or audience in names
        ]
    some = [None] if names is None else names
    return [Part(name, question.since, question.until) for name in some]


def _pushed(question: Question) -> Iterator[tuple[str, datetime, datetime | None]]:
    """Yield to which audiences this version was pushed, when, and when the next one was."""
    assert question.resource is not None
    pushes = Push.objects.filter(
        tenant_id=question.tenant_id,
        model=question.resource.label,
        object_id=question.object_id or 0,
    )
    later = pushes.filter(audience=OuterRef("audience"), version__gt=OuterRef("version"))
    following = Subquery(later.order_by("version").values("at")[:1])
    found = pushes.filter(etag=question.etag).order_by("version").annotate(following=following)
    yield from found.values_list("audience", "at", "following")


def spanning(question: Question, parts: Sequence[Part]) -> Question:
    """Return the question for the time of all its parts."""
    begins = [part.since for part in parts if part.since is not None]
    ends = [end for part in parts if (end := spans.earlier(part.until, part.before)) is not None]
    return replace(
        question,
        since=min(begins) if len(begins) == len(parts) > 0 else question.since,
        until=max(ends) if len(ends) == len(parts) > 0 else question.until,
    )


def first(question: Question, parts: Iterable[Part], after: Place | None, most: int) -> list[Row]:
    """Return the first rows after this place, in order, so many at most."""
    found: dict[Place, Row] = {}  # a row may be of several parts
    for part in parts:
        for source in SOURCES:
            some: list[Row] = []
            for each in rows(source, question, part, after):
                some += each[: most - len(some)]
            found.update((place(row), row) for row in some)
    return [found[each] for each in sorted(found)[:most]]


def rows(
    source: Source, question: Question, part: Part, after: Place | None = None
) -> Iterator[QuerySet[Any]]:
    """Yield queries that give, one after the other, a source's rows of this part that come after
    this place, in order, each by an index."""
    found, since = _after(source, question, part, after), part.since
    in_order = found.order_by(source.began, "pk")
    if since is None:
        yield in_order
    elif not source.lasts:
        yield in_order.filter(source.lasted(since))
    else:
        if after is None or after.began_at < since:
            yield began_before(found.filter(source.lasted(since)), source.began, since)
        yield in_order.filter(**{f"{source.began}__gte": since})


def began_before(found: QuerySet[Any], column: str, since: datetime) -> QuerySet[Any]:
    """Return those of these rows that began before a time, in order, but not in that of an index:
    that would pass over all that had ended."""
    found = found.alias(began_earlier=Coalesce(column, column))
    # PostgreSQL knows which index has less to pass over, and compares both times in either.
    compared = column if connection.vendor == "postgresql" else "began_earlier"
    return found.filter(**{f"{compared}__lt": since}).order_by("began_earlier", "pk")


def _after(source: Source, question: Question, part: Part, after: Place | None) -> QuerySet[Any]:
    found: QuerySet[Any] = source.model._default_manager.filter(_about(question, part))
    if part.until is not None:
        found = found.filter(**{f"{source.began}__lte": part.until})
    if part.before is not None:
        found = found.filter(**{f"{source.began}__lt": part.before})
    if after is not None:
        began_at, over, pk, _ = after
        found = found.filter(**{f"{source.began}__gte": began_at})
        if source.model.over < over:
            found = found.exclude(**{source.began: began_at})
        elif source.model.over == over:
            found = found.exclude(**{source.began: began_at, "pk__lte": pk})
    return found


def _about(question: Question, part: Part) -> Q:
    """Return the condition on rows that are about what is asked for, whenever it was."""
    found = Q(tenant_id=question.tenant_id)
    if question.user_id is not None:
        found &= Q(user_id=question.user_id)
    if question.resource is not None:
        found &= Q(model=question.resource.label, object_id=question.object_id or 0)
    if part.audience is not None:
        found &= Q(audience=part.audience)
    return found
