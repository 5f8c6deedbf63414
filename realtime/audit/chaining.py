"""Chaining: reads what was committed, as the publisher does, and seals it at the end of its
tenant's chain.

No write waits for it. It may stop anywhere and be continued by another process: each fact gets one
entry, made by whoever holds the tenant's head. What no look found, because it was written without
the ledger's code, `everything` finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from permissions import commits
from permissions.commits import Mark
from realtime.audit.chain import ADOPTED, EMPTY, LATE, Entry, Head, Made, extend
from realtime.audit.chained import CHAINED, Found, Kind, moment
from realtime.audit.keys import keys
from realtime.audit.models import ChainEntry, ChainHead, ChainPosition
from realtime.capture.batches import BATCH

MOST: Final = 100 * BATCH
"""How many keys of rows are held in memory at a time."""

LAST: Final = Subquery(
    ChainEntry.objects.filter(tenant=OuterRef("tenant_id"))
    .order_by("-sequence")
    .values("sequence")[:1]
)
"""The last entry of a head's chain."""

EVER: Final = datetime.fromtimestamp(0, UTC)

LATE_AFTER: Final = timedelta(minutes=10)
"""How much older than the previous look a row may claim to be: clocks differ, processes hang."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the ledger: when the previous one was, and which transactions were open then."""

    before: datetime | None
    open: frozenset[int] = frozenset()
    adopts: bool = False

    def how(self, found: Found) -> str:
        """Return how a row comes into the chain: ordinarily, adopted, or late."""
        if self.adopts:
            return ADOPTED
        if self.before is None or found.written is None or found.xid in self.open:
            return ""
        return LATE if found.written < self.before - LATE_AFTER else ""


def claim(seconds: float) -> bool:
    """Return whether nobody has looked for this long; if so, the caller is the one to look."""
    now = timezone.now()
    _position()
    idle = ChainPosition.objects.filter(claimed_at__lte=now - timedelta(seconds=seconds))
    return bool(idle.update(claimed_at=now))


def committed() -> Iterator[int]:
    """Chain what was committed since the last look that finished; after each transaction, yield how
    many entries it made. Raises UnknownKey if the key that sealed last is not known here."""
    position = _position()
    now, marks, before = timezone.now(), _marks(), position.at
    for kind in CHAINED:
        yield from _of_kind(kind, _mark(position, kind), marks[kind.name], before)
    said = {
        name: {"column": m.column, "end": m.end, "open": sorted(m.open)}
        for name, m in marks.items()
    }
    # Unless another look has finished meanwhile, which read at least as far.
    ChainPosition.objects.filter(pk=1, at=before).update(at=now, marks=said)


def everything(tenant_id: int | None = None) -> Iterator[int]:
    """Chain what was committed, and what no look could find: of one tenant, or of all."""
    yield from committed()
    position = _position()
    for kind in CHAINED:
        rows = kind.unchained if tenant_id is None else kind.unchained.filter(tenant=tenant_id)
        mark = _mark(position, kind)
        yield from _sweep(kind, rows, Look(position.at, mark.open if mark else frozenset()))


def _position() -> ChainPosition:
    return ChainPosition.objects.get_or_create(pk=1, defaults={"claimed_at": EVER})[0]


def _mark(position: ChainPosition, kind: Kind) -> Mark | None:
    """Return how far a kind was read; None if it never was."""
    known = position.marks.get(kind.name)
    return Mark(known["column"], known["end"], frozenset(known["open"])) if known else None


def _of_kind(kind: Kind, mark: Mark | None, now: Mark, before: datetime | None) -> Iterator[int]:
    if mark is None:
        yield from _sweep(kind, kind.unchained, Look(before, adopts=True))
    elif now.end < mark.end:  # after a restore, transactions are numbered anew
        yield from _sweep(kind, kind.unchained, Look(before))
    else:
        look, new = Look(before, mark.open), mark.until(now)
        if kind.ended and not kind.has_xid:
            new = Q(**{f"{kind.ended}__gte": (before or EVER) - LATE_AFTER})
        rows = kind.unchained.filter(new).order_by()
        while pks := list(rows.values_list("pk", flat=True)[:MOST]):
            yield from _in_batches(kind, pks, look)
            if len(pks) < MOST:
                return


def _sweep(kind: Kind, rows: QuerySet[Any], look: Look) -> Iterator[int]:
    """Chain these rows in the order of their keys, in batches."""
    last = 0
    while pks := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:MOST]):
        yield from _in_batches(kind, pks, look)
        last = pks[-1]


def _in_batches(kind: Kind, pks: list[int], look: Look) -> Iterator[int]:
    pks.sort()
    for start in range(0, len(pks), BATCH):
        yield _append(kind, pks[start : start + BATCH], look)
        ChainPosition.objects.filter(pk=1).update(claimed_at=timezone.now())


@transaction.atomic
def _append(kind: Kind, pks: list[int], look: Look) -> int:
    found = kind.facts(pks)
    heads = hold({each.tenant_id for each in found.values()})
    if look.adopts and kind.name in _position().marks:  # another process has finished it
        look = Look(look.before)
    chained = ChainEntry.objects.filter(kind=kind.name, row__in=pks).values_list("tenant", "row")
    done = set(chained)  # another process may have been faster, until the head was held here
    made: dict[int, list[Made]] = {}
    for pk, each in found.items():
        if (each.tenant_id, pk) not in done:
            new = Made(kind.name, pk, each.fact, look.how(each))
            made.setdefault(each.tenant_id, []).append(new)
    return _write(heads, made)


def hold(tenant_ids: Iterable[int]) -> dict[int, Head]:
    """Lock the heads of these tenants' chains until the transaction ends; raises UnknownKey.

    If somebody has set a head back, the last entry counts.
    """
    wanted = sorted(tenant_ids)
    known = ChainHead.objects.filter(tenant__in=wanted).order_by("tenant_id")
    missing = set(wanted) - set(known.values_list("tenant_id", flat=True))
    new = (ChainHead(tenant_id=pk, sequence=0, digest=EMPTY) for pk in sorted(missing))
    ChainHead.objects.bulk_create(new, ignore_conflicts=True)
    known_keys = keys()
    held = list(known.annotate(last=LAST).select_for_update())
    for head in held:
        if head.key:
            known_keys.age(head.key)
        if (head.last or 0) > head.sequence:
            last = ChainEntry.objects.get(tenant=head.tenant_id, sequence=head.last)
            head.sequence, head.digest = last.sequence, last.digest
    return {head.tenant_id: Head(head.sequence, bytes(head.digest)) for head in held}


def _write(heads: dict[int, Head], made: dict[int, list[Made]]) -> int:
    sealing, now = keys(), timezone.now()
    entries = [
        entry
        for tenant_id, facts in made.items()
        for entry in extend(sealing, tenant_id, heads[tenant_id], moment(now), facts)
    ]
    ChainEntry.objects.bulk_create((row_of(entry, now) for entry in entries), BATCH)
    last = {entry.tenant: entry for entry in entries}
    ChainHead.objects.bulk_create(
        (
            ChainHead(tenant_id=pk, sequence=e.sequence, digest=e.digest, key=e.key)
            for pk, e in last.items()
        ),
        update_conflicts=True,
        unique_fields=["tenant"],
        update_fields=["sequence", "digest", "key"],
    )
    return len(entries)


def row_of(entry: Entry, at: datetime) -> ChainEntry:
    """Return the row of an entry that is made now."""
    return ChainEntry(
        tenant_id=entry.tenant,
        sequence=entry.sequence,
        at=at,
        kind=entry.kind,
        row=entry.row,
        how=entry.how,
        seal=entry.seal,
        digest=entry.digest,
        key=entry.key,
    )


def entry_of(row: ChainEntry) -> Entry:
    """Return the entry that a row holds."""
    return Entry(
        tenant=row.tenant_id,
        sequence=row.sequence,
        at=moment(row.at),
        kind=row.kind,
        row=row.row,
        how=row.how,
        seal=bytes(row.seal),
        digest=bytes(row.digest),
        key=row.key,
    )


def _marks() -> dict[str, Mark]:
    """Return, by kind, how far a read of everything committed now goes."""
    [of_commits] = commits.marks([ChainEntry])
    if of_commits.column == "xid":
        return {k.name: of_commits if k.has_xid else _last(k, "pk") for k in CHAINED}
    return {k.name: _last(k, "xid" if k.ended and k.has_xid else "pk") for k in CHAINED}


def _last(kind: Kind, column: str) -> Mark:
    last = kind.model._base_manager.aggregate(last=Max(column))["last"]
    return Mark(column, (last or 0) + 1)
