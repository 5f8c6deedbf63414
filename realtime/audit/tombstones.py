"""Pruning what is chained: rows go with their entries, and a tombstone takes the entries' place.

Only rows that still agree with the chain go: otherwise whoever edits a row could have prune remove
the evidence. Consecutive entries share a tombstone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import models, transaction
from django.db.models import Max, Q
from django.utils import timezone

from realtime.audit.chain import EMPTY, PRUNED, Entry, bury
from realtime.audit.chained import CHAINED, KINDS, moment
from realtime.audit.chaining import entry_of, hold, row_of
from realtime.audit.keys import keys
from realtime.audit.models import ChainEntry
from realtime.audit.reading import with_facts
from realtime.capture.batches import BATCH

PAGE: Final = 2_000

Rows = models.QuerySet[Any]


@dataclass(frozen=True, slots=True)
class Gone:
    """What one transaction of pruning did: by model, how many rows went, and how many old rows
    stayed because they do not agree with the chain."""

    rows: Mapping[type[Any], int]
    kept: int = 0


def prune(old: Mapping[type[Any], Rows]) -> Iterator[Gone]:
    """Delete these rows of chained models with their entries, page by page of each tenant's chain;
    after each transaction, yield what it did."""
    for tenant_id, last in _last_entries(old).items():
        after: int | None = 0
        while after is not None:
            gone, after = _prune_page(tenant_id, after, last, old)
            yield gone


def _last_entries(old: Mapping[type[Any], Rows]) -> dict[int, int]:
    """Return, by tenant, the last entry that was made of any of these rows."""
    last: dict[int, int] = {}
    for kind in CHAINED:
        entries = ChainEntry.objects.filter(
            kind=kind.name, row__in=old[kind.model].order_by().values("pk")
        )
        for tenant_id, sequence in entries.values_list("tenant_id").annotate(Max("sequence")):
            last[tenant_id] = max(sequence, last.get(tenant_id, 0))
    return last


@transaction.atomic
def _prune_page(
    tenant_id: int, after: int, last: int, old: Mapping[type[Any], Rows]
) -> tuple[Gone, int | None]:
    hold([tenant_id])
    chain = ChainEntry.objects.filter(tenant=tenant_id)
    page = list(chain.filter(sequence__gt=after, sequence__lte=last).order_by("sequence")[:PAGE])
    if not page:
        return Gone({}), None
    leaving = _leaving(page, old)
    entries = [entry_of(row) for row in chain.filter(_made_of(leaving))]
    before = _digests_before(chain, entries)
    agreeing = _agreeing(entries, before)
    _bury(chain, [e for e in entries if e.row in agreeing[KINDS[e.kind].model]], before)
    gone = {model: _delete(model, pks & agreeing[model]) for model, pks in leaving.items()}
    return Gone(gone, sum(map(len, leaving.values())) - sum(gone.values())), page[-1].sequence


def _leaving(
    page: Iterable[ChainEntry], old: Mapping[type[Any], Rows]
) -> dict[type[Any], set[int]]:
    """Return, by model, those of the page's rows that are to go."""
    pks: defaultdict[type[Any], set[int]] = defaultdict(set)
    for entry in page:
        if entry.kind in KINDS:
            pks[KINDS[entry.kind].model].add(entry.row)
    return {
        model: set(old[model].filter(pk__in=found).values_list("pk", flat=True))
        for model, found in pks.items()
    }


def _made_of(leaving: Mapping[type[Any], set[int]]) -> Q:
    """Return the condition on entries made of these rows, wherever in the chain they are."""
    made = Q(pk=None)
    for kind in CHAINED:
        made |= Q(kind=kind.name, row__in=leaving.get(kind.model, ()))
    return made


def _digests_before(chain: Rows, entries: Iterable[Entry]) -> dict[int, bytes]:
    """Return the digest before each of these entries, by the entry's first sequence."""
    wanted = {entry.first - 1 for entry in entries}
    found = chain.filter(sequence__in=wanted).values_list("sequence", "digest")
    return {1: EMPTY} | {sequence + 1: bytes(digest) for sequence, digest in found}


def _agreeing(entries: Iterable[Entry], before: Mapping[int, bytes]) -> dict[type[Any], set[int]]:
    """Return, by model, the rows whose entries are all there and match the rows."""
    sealing = keys()
    good: defaultdict[tuple[type[Any], int], set[str]] = defaultdict(set)
    for entry, fact in with_facts(entries):
        previous = before.get(entry.first)
        if previous is None or fact is None:
            continue
        if entry.follows(sealing, previous) and entry.seals(sealing, fact):
            good[KINDS[entry.kind].model, entry.row].add(entry.kind)
    found: defaultdict[type[Any], set[int]] = defaultdict(set)
    for (model, pk), kinds in good.items():
        if kinds == {kind.name for kind in CHAINED if kind.model is model}:
            found[model].add(pk)
    return found


def _bury(chain: Rows, gone: list[Entry], before: dict[int, bytes]) -> None:
    """Replace these entries, and the tombstones next to them, by tombstones."""
    ends = {entry.sequence for entry in gone}
    beside = Q(sequence__in={s - 1 for s in ends}) | Q(row__in={s + 1 for s in ends})
    stones = [entry_of(row) for row in chain.filter(beside, kind=PRUNED)]
    before |= _digests_before(chain, stones)
    sealing, now = keys(), timezone.now()
    good = [s for s in stones if s.follows(sealing, before.get(s.first, EMPTY))]
    runs = list(_runs([*gone, *good]))
    chain.filter(sequence__in={e.sequence for run in runs for e in run})._raw_delete(chain.db)
    ChainEntry.objects.bulk_create(
        (row_of(bury(sealing, run, moment(now), before[run[0].first]), now) for run in runs), BATCH
    )


def _runs(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield these entries in lists of consecutive ones."""
    run: list[Entry] = []
    for entry in sorted(entries, key=lambda e: e.first):
        if run and entry.first != run[-1].sequence + 1:
            yield run
            run = []
        run.append(entry)
    if run:
        yield run


def _delete(model: type[Any], pks: set[int]) -> int:
    rows = model._base_manager.filter(pk__in=pks)
    return rows._raw_delete(rows.db) or 0  # None if no query was needed
