"""Who could have seen what over windows, for `seen`: an object in whose windows, or what of a model
in a user's. A window's filter and limit narrow what it really held.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from django.db.models import Q, QuerySet

from permissions import stored
from permissions.audiences import Resource, registry
from realtime.audit import numbering, seen_rows, spans
from realtime.audit.applying import Applying
from realtime.audit.questions import Place, Question
from realtime.audit.spans import Span, Way
from realtime.audit.viewings import Viewing
from realtime.capture.interval_models import Belongs, Held, principal_of, user_of
from tenants.keys import Key

BATCH: Final = 500
VIEWINGS: Final = 100
"""How many of a user's windows are looked at for a page, at most."""
MANY: Final = 10_000
"""More users than this are not named in a query: it looks at everybody's windows."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a window could show its user: an object as one audience, from when until when, and by
    which way; every object of the model, if `object_id` is null."""

    viewing: Viewing
    object_id: Key | None
    audience: str
    began_at: datetime
    ended_at: datetime | None
    way: Way

    over: ClassVar = "window"

    @property
    def pk(self) -> int:
        """Return the key of the window's row."""
        return self.viewing.pk

    @property
    def user_id(self) -> Key:
        """Return the id of the window's user."""
        return self.viewing.user_id

    @property
    def model(self) -> str:
        """Return the label of the window's model."""
        return self.viewing.model


def page(question: Question, after: Place | None) -> tuple[list[Shown], Place | None]:
    """Return what windows could show from this place on, and the next place."""
    place = None if after is None else (after.began_at, after.pk)
    parts = in_order(question.tenant_id, question.since, question.until, place)
    if question.resource is None:
        return _of_user(question, parts, after)
    resource, pk = question.resource, question.object_id or 0
    held = held_of(resource, question.tenant_id, pk)
    some = (
        _first(parts, Q(model=resource.label) & who(question.tenant_id, held), BATCH)
        if held
        else []
    )
    last = Place(some[-1].began_at, Shown.over, some[-1].pk) if len(some) == BATCH else None
    return of_object(resource, pk, held, some), last


def _of_user(
    question: Question, parts: Iterable[QuerySet[Viewing]], after: Place | None
) -> tuple[list[Shown], Place | None]:
    """Return what a user's viewings could show, from the object after this place on."""
    mine = Q(tenant=question.tenant_id, user_id=question.user_id)
    key = None if after is None else after.object_id
    # Whose objects the page before ended with; it may have been pruned since.
    begun = [] if after is None or key is None else list(Viewing.objects.filter(mine, pk=after.pk))
    some = _first(parts, mine, VIEWINGS)
    found, following = of_viewings([*begun, *some], key if begun else None, BATCH)
    if following is None and len(some) == VIEWINGS:
        following = Place(some[-1].began_at, Shown.over, some[-1].pk)
    return found, following


def _first(parts: Iterable[QuerySet[Viewing]], of: Q, most: int) -> list[Viewing]:
    """Return the first viewings under this condition, so many at most."""
    found: list[Viewing] = []
    for part in parts:
        found += part.filter(of)[: most - len(found)]
    return found


def viewings(
    tenant_id: int,
    since: datetime | None,
    until: datetime | None,
    after: tuple[datetime, int] | None = None,
) -> QuerySet[Viewing]:
    """Return a tenant's viewings of a span of time, the oldest first, after this time and key."""
    found = Viewing.objects.filter(tenant=tenant_id)
    if since is not None:
        found = found.filter(lasted(since))
    if until is not None:
        found = found.filter(began_at__lte=until)
    if after is not None:
        began_at, pk = after
        found = found.filter(began_at__gte=began_at)
        found = found.exclude(began_at=began_at, pk__lte=pk)
    return found.order_by("began_at", "pk")


def in_order(
    tenant_id: int,
    since: datetime | None,
    until: datetime | None,
    after: tuple[datetime, int] | None = None,
) -> Iterator[QuerySet[Viewing]]:
    """Yield queries that give the same, one after the other, each by an index."""
    if since is None:
        yield viewings(tenant_id, None, until, after)
        return
    if after is None or after[0] < since:
        lasting = viewings(tenant_id, since, until, after)
        yield seen_rows.began_before(lasting, "began_at", since)
    yield viewings(tenant_id, None, until, after).filter(began_at__gte=since)


def lasted(since: datetime) -> Q:
    """Return the condition on viewings that had not ended before this time."""
    return Q(ended_at=None) | Q(ended_at__gte=since)


def held_of(resource: Resource, tenant_id: int, object_id: Key) -> list[Held]:
    """Return what anybody has held of an object; of every object only if it existed."""
    here = Q(tenant=tenant_id, object_id=object_id) | Q(object_id=None)
    rows = list(Held.objects.filter(here, model=resource.label).order_by("pk"))
    there = stored.within(resource, tenant_id).filter(pk=object_id)
    if spans.existence(holders(resource, rows)) is None and not there.exists():
        return [row for row in rows if row.object_id is not None]
    return rows


def holders(resource: Resource, rows: Iterable[Held]) -> Iterator[Held]:
    """Yield those of these rows that come from a column of the object itself."""
    table = f"{resource.model._meta.db_table}."
    return (row for row in rows if row.source.startswith(table))


def who(tenant_id: int, held: Collection[Held]) -> Q:
    """Return the condition on viewings of users who may have belonged to those who held this."""
    principals = {row.principal for row in held}
    users = {user_of(p) for p in principals if p.startswith("user:")}
    if others := {p for p in principals if not p.startswith("user:")}:
        here = Q(tenant=tenant_id) | Q(tenant=None)
        joined = Belongs.objects.filter(here, principal__in=others, user_id__isnull=False)
        # By their keys, for which there is an index: a subquery beside them has none.
        users.update(joined.values_list("user_id", flat=True).distinct()[: MANY + 1])
    return Q() if len(users) > MANY else Q(user_id__in=users)


def of_object(
    resource: Resource, object_id: Key, held: Sequence[Held], some: Sequence[Viewing]
) -> list[Shown]:
    """Return when these viewings could show an object of which this was held."""
    return _shown(resource, {object_id: held}, [(viewing, object_id) for viewing in some])


Given = dict[Key | None, list[Held]]
"""What was held of objects, by their keys; of every object by none."""


def of_viewings(
    some: Iterable[Viewing], after: Key | None, most: int
) -> tuple[list[Shown], Place | None]:
    """Return what viewings of one user could show: first every object, if by role, then what was
    given otherwise of objects, of the first viewing with keys above `after`; about so many, and
    where that ends, unless it is all."""
    given: dict[tuple[str, Key | None], Given] = {}
    wanted: defaultdict[str, list[tuple[Viewing, Key | None]]] = defaultdict(list)
    last, count = None, 0
    for viewing in (each for each in some if each.model in registry):
        which = viewing.model, after
        if which not in given:
            given[which] = _given(viewing, after, most)
        wanted[viewing.model] += [(viewing, key) for key in given[which]]
        keys = [key for key in given[which] if key is not None]
        after, count = None, count + len(given[which])
        if count >= most:
            cut = keys[-1] if len(keys) == most else None
            last = Place(viewing.began_at, Shown.over, viewing.pk, cut)
            break
    found: list[Shown] = []
    for label, pairs in wanted.items():
        held: Given = {}
        for (model, _), rows in given.items():
            held |= rows if model == label else {}
        found += _shown(registry.get(label), held, pairs)
    return found, last


def _given(viewing: Viewing, after: Key | None, most: int) -> Given:
    """Return what was held of the objects that a viewing's user was given anything of, with keys
    above `after`, so many at most; without it, also of every object."""
    principals = {principal_of(viewing.user_id)}
    principals |= {row.principal for row in belongs(viewing.tenant_id, [viewing.user_id])}
    held = Held.objects.filter(tenant=viewing.tenant_id, model=viewing.model)
    keys = held.filter(principal__in=principals, object_id__isnull=False).order_by("object_id")
    if after is not None:
        keys = keys.filter(object_id__gt=after)
    page = list(keys.values_list("object_id", flat=True).distinct()[:most])
    of_all = list(Held.objects.filter(model=viewing.model, object_id=None).order_by("pk"))
    found: Given = {} if after is not None else {None: of_all}
    found |= {key: list(of_all) for key in page}
    for row in held.filter(object_id__in=page).order_by("pk"):
        found[row.object_id].append(row)
    return found


def belongs(tenant_id: int, users: Iterable[Key]) -> list[Belongs]:
    """Return what these users belonged to in a tenant, and, of no user, when all were denied."""
    here = Q(tenant=tenant_id) | Q(tenant=None)
    mine = Q(user_id__in=set(users)) | Q(user_id=None, tenant=tenant_id)
    return list(Belongs.objects.filter(here, mine).order_by("pk"))


def _of_users(some: Sequence[Viewing]) -> dict[Key, list[Belongs]]:
    """Return what the users of these viewings belonged to, as their tenant numbers it."""
    tenant_id, users = some[0].tenant_id, {viewing.user_id for viewing in some}
    rows = belongs(tenant_id, users)
    processes = {viewing.process for viewing in some}
    numbering.number(tenant_id, rows, processes, min(viewing.began_at for viewing in some))
    of_user: defaultdict[Key | None, list[Belongs]] = defaultdict(list)
    for row in rows:
        of_user[row.user_id].append(row)
    return {user: [*of_user[user], *of_user[None]] for user in users}


def _shown(
    resource: Resource,
    held: Mapping[Key | None, Iterable[Held]],
    wanted: Sequence[tuple[Viewing, Key | None]],
) -> list[Shown]:
    if not wanted:
        return []
    tenant_id = wanted[0][0].tenant_id
    of_user = _of_users([viewing for viewing, _ in wanted])
    existed = {pk: spans.existence(holders(resource, rows)) for pk, rows in held.items()}
    by_principal: defaultdict[tuple[Key | None, str], list[Held]] = defaultdict(list)
    for pk, rows in held.items():
        for each in rows:
            by_principal[pk, each.principal].append(each)
    applying, mine = Applying(tenant_id), list[list[Held]]()
    for viewing, pk in wanted:
        theirs, whole = of_user[viewing.user_id], existed[pk]
        names = {row.principal for row in theirs} | {principal_of(viewing.user_id)}
        mine.append([row for name in sorted(names) for row in by_principal[pk, name]])
        applying.ask(viewing.process, [*mine[-1], *theirs, *([] if whole is None else [whole])])
        applying.ask_denials(viewing.process, spans.denials(theirs))
    applying.find()
    found = []
    for (viewing, pk), rows in zip(wanted, mine, strict=True):
        viewed = Span(viewing.began_at, viewing.ended_at)
        moments = applying.of(viewing.process)
        theirs = of_user[viewing.user_id]
        possible = spans.ways(viewing.user_id, rows, theirs, existed[pk], viewed, moments)
        for audience, span, way in spans.timeline(resource, possible):
            found.append(Shown(viewing, pk, audience, span.began_at, span.ended_at, way))
    return found
