"""When a window could show an object, and as which audience: from the intervals of who held what,
and from when the window's process applied each of them. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

from permissions.audiences import Resource
from realtime.capture.interval_models import Belongs, Held, principal_of
from realtime.capture.intervals import BEFORE


class Lasting(Protocol):
    """Something that lasts: see `realtime.capture.interval_models.Interval`."""

    @property
    def since(self) -> int | None:
        """Return the access revision with which it began."""

    @property
    def until(self) -> int | None:
        """Return the one with which it ended."""

    @property
    def began_at(self) -> datetime:
        """Return when it began."""

    @property
    def ended_at(self) -> datetime | None:
        """Return when it ended."""


class Moments(Protocol):
    """When one process of a tenant applied things, as its rows of the ledger say."""

    def read(self, revision: int) -> datetime | None:
        """Return when it first could show what was given with this access revision."""

    def applied(self, revision: int) -> datetime | None:
        """Return when it first showed nothing more of what was lost with this access revision."""

    def applied_after(self, at: datetime) -> datetime | None:
        """Return when it next applied anything after this time."""


class Span(NamedTuple):
    """From when until when; without end, it lasts."""

    began_at: datetime
    ended_at: datetime | None

    def cut(self, other: Span) -> Span | None:
        """Return what both have in common."""
        began_at = max(self.began_at, other.began_at)
        ended_at = earlier(self.ended_at, other.ended_at)
        return None if ended_at is not None and ended_at <= began_at else Span(began_at, ended_at)


@dataclass(frozen=True, slots=True)
class Whole:
    """How long an object existed, as far as its holders tell."""

    since: int | None
    until: int | None
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody held a permission, from when until when. It began `before` its time if that is
    when the record began."""

    held: Held
    since: datetime
    before: bool
    until: datetime | None


BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
DENIED: Final = ("deactivated", "suspended")
"""Who belongs to these, or whose tenant does, sees nothing."""


class Possible(NamedTuple):
    """A way in which a window's user held a permission, and when the window could show it."""

    way: Way
    span: Span


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the earlier of two ends, of which None is none."""
    return min((end for end in (one, other) if end is not None), default=None)


def existence(rows: Iterable[Held]) -> Whole | None:
    """Return how long an object existed, of which these are the rows of its holders' columns."""
    rows = sorted(rows, key=lambda row: row.began_at)
    if not rows:
        return None
    last = max(rows, key=lambda row: (row.ended_at is None, row.ended_at or row.began_at))
    return Whole(rows[0].since, last.until, rows[0].began_at, last.ended_at)


def ways(
    user_id: int,
    held: Iterable[Held],
    belongs: Sequence[Belongs],
    existed: Whole | None,
    viewed: Span,
    moments: Moments,
) -> Iterator[Possible]:
    """Yield each way in which a window's user held a permission while it was viewed.

    Only active members hold anything, unless they or all are denied it; what a role has on every
    object, it has of those that `existed`. `held` are rows of one object, or of every object.
    """
    memberships = [row for row in belongs if row.principal.startswith("role:")]
    denied = [span for row in denials(belongs) if (span := _denied(row, moments)) is not None]
    for each in held:
        bounds: list[Lasting] = [each]
        if each.object_id is None and existed is not None:
            bounds.append(existed)
        for joined, member in _joined(user_id, each, belongs, memberships):
            span = _shown([*bounds, joined, member], moments)
            span = span and span.cut(viewed)
            for part in _without(span, denied):
                yield Possible(way(each, joined), part)


def denials(belongs: Iterable[Belongs]) -> list[Belongs]:
    """Return the rows that deny everything while they last."""
    return [row for row in belongs if row.principal in DENIED]


def _denied(row: Lasting, moments: Moments) -> Span | None:
    """Return from when until when the process showed nothing because of a denial."""
    since, after = row.since, row.began_at
    began = moments.applied_after(after) if since is None else moments.applied(since)
    ended = row.ended_at if row.until is None else moments.read(row.until)
    if began is None or (ended is not None and ended <= began):
        return None
    return Span(began, ended)


def _without(span: Span | None, denied: Iterable[Span]) -> list[Span]:
    """Return what is left of a span without these."""
    left = [] if span is None else [span]
    for each in denied:
        sides = [Span(BEGINNING, each.began_at)]
        if each.ended_at is not None:
            sides.append(Span(each.ended_at, None))
        left = [cut for part in left for side in sides if (cut := part.cut(side)) is not None]
    return left


def way(held: Held, joined: Held | Belongs) -> Way:
    """Return how somebody held it, by what made them one of those who did."""
    later = max(held, joined, key=lambda interval: interval.began_at)
    ended_at = earlier(held.ended_at, joined.ended_at)
    return Way(held, later.began_at, later.began == BEFORE, ended_at)


def _joined(
    user_id: int, held: Held, belongs: Iterable[Belongs], memberships: Iterable[Belongs]
) -> Iterator[tuple[Held | Belongs, Belongs]]:
    """Yield what makes the user one of those who hold it, with their membership."""
    if held.principal == principal_of(user_id):
        yield from ((held, member) for member in memberships)
    for row in belongs:
        if row.principal == held.principal:
            of_role = row.principal.startswith("role:")
            yield from [(row, row)] if of_role else ((row, member) for member in memberships)


def _shown(bounds: Iterable[Lasting], moments: Moments) -> Span | None:
    """Return when the process could show what lasted while all of these did."""
    began, ended = [], []
    for each in bounds:
        began.append(each.began_at)
        if each.since is not None:
            read = moments.read(each.since)
            if read is None:
                return None
            began.append(read)
        if each.until is not None:
            ended.append(moments.applied(each.until))
        elif each.ended_at is not None:
            ended.append(moments.applied_after(each.ended_at))
    return Span(max(began), min((at for at in ended if at is not None), default=None))


def timeline(resource: Resource, found: Iterable[Possible]) -> Iterator[tuple[str, Span, Way]]:
    """Yield, in order, the audiences in which these ways put somebody: of several, the first."""
    found = sorted(found, key=lambda each: each.span.began_at)
    ends = {each.span.ended_at for each in found if each.span.ended_at is not None}
    points = sorted(ends | {each.span.began_at for each in found})
    parts: list[tuple[str, Span, Way]] = []
    for at, following in zip(points, [*points[1:], None], strict=False):  # no points, no times
        now = [each.way for each in found if each.span.cut(Span(at, following)) is not None]
        audience = resource.first(way.held.permission for way in now)
        if audience is None:
            continue
        if parts and (parts[-1][0], parts[-1][1].ended_at) == (audience.name, at):
            name, before, way = parts.pop()
            parts.append((name, Span(before.began_at, following), way))
        else:
            way = next(w for w in now if w.held.permission == audience.permission)
            parts.append((audience.name, Span(at, following), way))
    yield from parts
