"""The chain as the database has it: its entries in order, each with what its row says now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from realtime.audit.chain import PRUNED, Entry, Fact, Head
from realtime.audit.chained import KINDS
from realtime.audit.chaining import entry_of
from realtime.audit.models import ChainEntry, ChainHead

PAGE: Final = 2_000


def head_of(tenant_id: int) -> Head:
    """Return the head that a tenant's ledger claims to have."""
    row = ChainHead.objects.filter(pk=tenant_id).first()
    return Head(row.sequence, bytes(row.digest)) if row else Head()


def chain_of(tenant_id: int) -> Iterator[tuple[Entry, Fact | None]]:
    """Yield a tenant's entries with their facts, None for rows that are gone. Call it in a
    snapshot: otherwise prune may delete rows while it reads."""
    last = 0
    rows = ChainEntry.objects.filter(tenant=tenant_id).order_by("sequence")
    while page := [entry_of(row) for row in rows.filter(sequence__gt=last)[:PAGE]]:
        yield from with_facts(page)
        last = page[-1].sequence


def with_facts(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Fact | None]]:
    """Yield these entries with their rows' facts; None for a tombstone or an unknown kind."""
    entries = list(entries)
    rows = defaultdict(list)
    for entry in entries:
        if entry.kind in KINDS:
            rows[entry.kind].append(entry.row)
    found = {kind: KINDS[kind].facts(pks) for kind, pks in rows.items()}
    for entry in entries:
        fact = found.get(entry.kind, {}).get(entry.row)
        yield entry, fact.fact if fact and entry.kind != PRUNED else None
