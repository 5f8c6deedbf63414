"""Who could have seen what, when, and why: the ledger's accesses with the intervals behind them.

In both directions: for an object, whose sockets had it; for a user, what their sockets had. What is
read over REST is not in the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from permissions.audiences import Audience, Resource, registry
from realtime.audit.models import Access, Push
from realtime.capture.interval_models import Belongs, Held

BATCH: Final = 500
OTHER: Final = "not recorded"
Place = tuple[datetime, int]
"""Where a page ends: the time at which an access began, and its key."""


@dataclass(frozen=True, slots=True)
class Question:
    """An object, or a user, in a span of time; for an object, also a field or a pushed version."""

    tenant_id: int
    since: datetime | None = None
    until: datetime | None = None
    resource: Resource | None = None
    object_id: int | None = None
    user_id: int | None = None
    field: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A user's sockets had an object in one audience during a time, and why they were in it.

    `held_since` is when they came into the audience, `given_by` who granted it.
    """

    access: Access
    how: str
    held_since: datetime | None
    held_until: datetime | None
    given_by: int | None

    @property
    def place(self) -> Place:
        """Return this row's place in the order of all rows."""
        return self.access.began_at, self.access.pk


def showing(resource: Resource, field: str) -> list[Audience]:
    """Return the audiences that are shown this field of the payload."""
    return [audience for audience in resource.audiences if field in audience.fields]


def batches(question: Question, after: Place | None = None) -> Iterator[list[Seen]]:
    """Yield what the ledger has, the oldest first, some hundred rows at a time."""
    while True:
        rows = list(accesses(question, after)[:BATCH])
        if not rows:
            return
        yield explained(question.tenant_id, rows)
        after = rows[-1].began_at, rows[-1].pk


def accesses(question: Question, after: Place | None = None) -> QuerySet[Access]:
    """Return the accesses asked for that come after this place, in order, by an index."""
    found = Access.objects.filter(tenant_id=question.tenant_id)
    if question.resource is not None:
        found = found.filter(model=question.resource.label, object_id=question.object_id or 0)
        if question.field is not None:
            names = [each.name for each in showing(question.resource, question.field)]
            found = found.filter(audience__in=names)
        if question.etag is not None:
            found = found.filter(_while_pushed(question))
    if question.user_id is not None:
        found = found.filter(user_id=question.user_id)
    if question.since is not None:
        found = found.filter(Q(ended_at=None) | Q(ended_at__gte=question.since))
    if question.until is not None:
        found = found.filter(began_at__lte=question.until)
    if after is not None:
        began_at, pk = after
        found = found.filter(began_at__gte=began_at)
        found = found.exclude(began_at=began_at, pk__lte=pk)
    return found.order_by("began_at", "pk")


def _while_pushed(question: Question) -> Q:
    """Return the condition on accesses of an audience while this version was its newest."""
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
        during = Q(audience=audience) & (Q(ended_at=None) | Q(ended_at__gte=at))
        found |= during & Q(began_at__lt=following) if following else during
    return found


def explained(tenant_id: int, rows: Sequence[Access]) -> list[Seen]:
    """Explain how the user of each access came into the audience; two queries for all."""
    belongs = _belongs(tenant_id, {row.user_id for row in rows})
    principals = {f"user:{row.user_id}" for row in rows}
    principals |= {each.principal for some in belongs.values() for each in some}
    held: defaultdict[tuple[str, int | None], list[Held]] = defaultdict(list)
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


def _seen(row: Access, held: Iterable[Held], belongs: Iterable[Belongs]) -> Seen:
    """Return the access with the first way to the audience when it began, else while it lasted."""
    permission = _permission(row)
    end = row.ended_at or timezone.now()
    ways = list(_ways(row.user_id, (h for h in held if h.permission == permission), belongs))
    for upto in (row.began_at, end):
        for each, since, until in ways:
            if since <= upto and (until is None or until >= row.began_at):
                return Seen(row, how(each), since, until, each.given_by)
    return Seen(row, OTHER, None, None, None)


def _permission(row: Access) -> str | None:
    audience = registry.get(row.model).audience(row.audience) if row.model in registry else None
    return None if audience is None else audience.permission


def _ways(
    user_id: int, held: Iterable[Held], belongs: Iterable[Belongs]
) -> Iterator[tuple[Held, datetime, datetime | None]]:
    """Return the spans in which the user held it: themselves, or by belonging to who did."""
    belongs = list(belongs)
    for each in held:
        if each.principal == f"user:{user_id}":
            yield each, each.began_at, each.ended_at
        for row in belongs:
            if row.principal == each.principal:
                ends = [end for end in (each.ended_at, row.ended_at) if end is not None]
                yield each, max(each.began_at, row.began_at), min(ends, default=None)


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
