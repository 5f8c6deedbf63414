"""Who could have seen what, when, and why: what the ledger has, with the intervals behind it.

In both directions: for an object, who had it; for a user, what they had. Over sockets, and over
REST while the tenant has `record_reads`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any, Final, NamedTuple

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from permissions.audiences import Audience, Resource, registry
from realtime.audit import seen_in_windows, spans
from realtime.audit.models import MINUTE, Access, Push, Read
from realtime.audit.questions import Place, Question
from realtime.audit.seen_in_windows import Shown
from realtime.audit.spans import Way
from realtime.capture.interval_models import Belongs, Held, principal_of
from tenants.keys import Key
from tenants.models import Tenant

BATCH: Final = 500
OTHER: Final = "not recorded"
FIRST: Final = spans.BEGINNING + MINUTE
Row = Access | Read
Holding = defaultdict[tuple[str, Key | None, str], list[Held]]
"""What was held, by model, object (None: all) and principal, in the order of the record."""


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


@dataclass(frozen=True, slots=True)
class Seen:
    """A user had an object in one audience during a time, or could have had it in a window; `way`,
    if it is recorded, says why they were in it."""

    access: Row | Shown
    way: Way | None

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


class Page(NamedTuple):
    """Some of an answer's rows, the oldest first, and where the next page begins, if there is one.

    What windows could show follows after all else, in the order in which they were opened.
    """

    rows: list[Seen]
    next: Place | None


def _place(row: Row) -> Place:
    return Place(row.began_at, row.over, row.pk)


def sockets_only(tenant: Tenant) -> bool:
    """Return whether nothing that was read over REST is in the ledger."""
    return not (tenant.record_reads or Read.objects.filter(tenant=tenant).exists())


def showing(resource: Resource, field: str) -> list[Audience]:
    """Return the audiences that are shown this field of the payload."""
    return [audience for audience in resource.audiences if field in audience.fields]


def batches(question: Question, after: Place | None = None) -> Iterator[list[Seen]]:
    """Yield what the ledger has, some hundred rows at a time."""
    following = True
    while following:
        some, after = page(question, after)
        following = after is not None
        if some:
            yield some


def page(question: Question, after: Place | None = None) -> Page:
    """Return what the ledger has after this place."""
    found: list[Row] = []
    if after is None or after.over != Shown.over:
        found = [row for each in SOURCES for row in _first(each, question, after)]
        found = sorted(found, key=_place)[:BATCH]
        if len(found) == BATCH:
            return Page(explained(question.tenant_id, found), _place(found[-1]))
        after = None
    shown, following = seen_in_windows.page(question, after)
    told = explained(question.tenant_id, found) if found else []
    told += [Seen(each, each.way) for each in shown if _is_asked_for(question, each)]
    return Page(sorted(told, key=lambda each: each.access.began_at), following)


def _is_asked_for(question: Question, shown: Shown) -> bool:
    """Return whether it is of the span, the field and the version in the question."""
    began_at, ended_at = shown.began_at, shown.ended_at
    if question.since is not None and ended_at is not None and ended_at < question.since:
        return False
    if question.until is not None and began_at > question.until:
        return False
    if question.resource is None:
        return True
    if question.field is not None:
        names = [each.name for each in showing(question.resource, question.field)]
        if shown.audience not in names:
            return False
    return question.etag is None or any(
        shown.audience == audience
        and (ended_at is None or ended_at >= at)
        and (following is None or began_at < following)
        for audience, at, following in _pushed(question)
    )


def _first(source: Source, question: Question, after: Place | None) -> list[Row]:
    found: list[Row] = []
    for some in rows(source, question, after):
        found += some[: BATCH - len(found)]
    return found


def rows(source: Source, question: Question, after: Place | None = None) -> Iterator[QuerySet[Any]]:
    """Yield queries that give, one after the other, a source's rows asked for that come after this
    place, in order, each by an index."""
    found = _after(source, question, after)
    in_order, since = found.order_by(source.began, "pk"), question.since
    if since is None:
        yield in_order
    elif not source.lasts:
        yield in_order.filter(source.lasted(since))
    else:
        if after is None or after.began_at < since:
            # Not by when it began: that would pass over all that had ended, from the oldest.
            earlier = found.alias(began_earlier=Coalesce(source.began, source.began))
            earlier = earlier.filter(source.lasted(since), began_earlier__lt=since)
            yield earlier.order_by("began_earlier", "pk")
        yield in_order.filter(**{f"{source.began}__gte": since})


def _after(source: Source, question: Question, after: Place | None) -> QuerySet[Any]:
    found: QuerySet[Any] = source.model._default_manager.filter(_about(source, question))
    if question.until is not None:
        found = found.filter(**{f"{source.began}__lte": question.until})
    if after is not None:
        began_at, over, pk, _ = after
        found = found.filter(**{f"{source.began}__gte": began_at})
        if source.model.over < over:
            found = found.exclude(**{source.began: began_at})
        elif source.model.over == over:
            found = found.exclude(**{source.began: began_at, "pk__lte": pk})
    return found


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
    found = Q(pk=None)
    for audience, at, following in _pushed(question):
        during = Q(audience=audience) & source.lasted(at)
        found |= during & Q(**{f"{source.began}__lt": following}) if following else during
    return found


def _pushed(question: Question) -> Iterator[tuple[str, datetime, datetime | None]]:
    """Yield to which audiences this version was pushed, when, and when the next one was."""
    assert question.resource is not None
    pushes = Push.objects.filter(
        tenant_id=question.tenant_id,
        model=question.resource.label,
        object_id=question.object_id or 0,
    )
    for audience, version, at in pushes.filter(etag=question.etag).values_list(
        "audience", "version", "at"
    ):
        later = pushes.filter(audience=audience, version__gt=version).order_by("version")
        yield audience, at, later.values_list("at", flat=True).first()


def explained(tenant_id: int, rows: Sequence[Row]) -> list[Seen]:
    """Explain how the user of each row came into the audience; two queries for all."""
    belongs = _belongs(tenant_id, {row.user_id for row in rows})
    principals = {principal_of(row.user_id) for row in rows}
    principals |= {each.principal for some in belongs.values() for each in some}
    held: Holding = defaultdict(list)
    for each in Held.objects.filter(
        Q(tenant=tenant_id, object_id__in={row.object_id for row in rows}) | Q(object_id=None),
        model__in={row.model for row in rows},
        principal__in=principals,
    ).order_by("pk"):
        held[each.model, each.object_id, each.principal].append(each)
    return [_seen(row, held, belongs[row.user_id]) for row in rows]


def _belongs(tenant_id: int, users: Iterable[Key]) -> defaultdict[Key, list[Belongs]]:
    found: defaultdict[Key, list[Belongs]] = defaultdict(list)
    here = Q(tenant=tenant_id) | Q(tenant=None)
    for row in Belongs.objects.filter(here, user_id__in=set(users)).order_by("pk"):
        found[row.user_id].append(row)
    return found


def _seen(row: Row, held: Holding, belongs: Iterable[Belongs]) -> Seen:
    """Return the row with the first way to the audience when it began, else while it lasted."""
    permission = _permission(row)
    end = row.ended_at or timezone.now()
    mine = (h for h in _held_by(row, held, belongs) if h.permission == permission)
    ways = list(_ways(row.user_id, mine, belongs))
    for upto in (row.began_at, end):
        for way in ways:
            if way.since <= upto and (way.until is None or way.until >= row.began_at):
                return Seen(row, way)
    return Seen(row, None)


def _held_by(row: Row, held: Holding, belongs: Iterable[Belongs]) -> Iterator[Held]:
    """Yield what the user, or whom they belong to, held of the row's object, then of all."""
    names = {principal_of(row.user_id), *(each.principal for each in belongs)}
    for object_id in (row.object_id, None):
        some = (held.get((row.model, object_id, name), ()) for name in names)
        yield from sorted(chain.from_iterable(some), key=attrgetter("pk"))


def _permission(row: Row) -> str | None:
    audience = registry.get(row.model).audience(row.audience) if row.model in registry else None
    return None if audience is None else audience.permission


def _ways(user_id: int, held: Iterable[Held], belongs: Iterable[Belongs]) -> Iterator[Way]:
    """Return the spans in which the user held it: themselves, or by belonging to who did."""
    belongs = list(belongs)
    for each in held:
        if each.principal == principal_of(user_id):
            yield spans.way(each, each)
        for row in belongs:
            if row.principal == each.principal:
                yield spans.way(each, row)


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
