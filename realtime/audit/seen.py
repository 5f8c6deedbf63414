"""Who could have seen what, when, and why: what the ledger has, with the intervals behind it.

In both directions: for an object, who had it; for a user, what they had. Over sockets, and over
REST while the tenant has `record_reads`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Final, NamedTuple

from django.db.models import Q
from django.utils import timezone

from permissions.audiences import registry
from realtime.audit import seen_in_windows, seen_rows, spans
from realtime.audit.models import Read
from realtime.audit.questions import Place, Question
from realtime.audit.seen_in_windows import Shown
from realtime.audit.seen_rows import Row
from realtime.audit.spans import Way
from realtime.capture.interval_models import Belongs, Held, principal_of
from tenants.keys import Key
from tenants.models import Tenant

BATCH: Final = 500
OTHER: Final = "not recorded"
Holding = defaultdict[tuple[str, Key | None, str], list[Held]]
"""What was held, by model, object (None: all) and principal, in the order of the record."""


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


def sockets_only(tenant: Tenant) -> bool:
    """Return whether nothing that was read over REST is in the ledger."""
    return not (tenant.record_reads or Read.objects.filter(tenant=tenant).exists())


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
    parts, found = seen_rows.parts(question), list[Row]()
    if not parts:
        return Page([], None)
    if after is None or after.over != Shown.over:
        found = seen_rows.first(question, parts, after, BATCH)
        if len(found) == BATCH:
            return Page(explained(question.tenant_id, found), seen_rows.place(found[-1]))
        after = None
    shown, following = seen_in_windows.page(seen_rows.spanning(question, parts), after)
    told = explained(question.tenant_id, found) if found else []
    told += [
        Seen(each, each.way)
        for each in shown
        if any(part.has(each.audience, each.began_at, each.ended_at) for part in parts)
    ]
    return Page(sorted(told, key=lambda each: each.access.began_at), following)


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
