"""A page of the list, read in pieces within one snapshot, so no more is rendered than fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    BigIntegerField,
    BinaryField,
    DecimalField,
    F,
    Func,
    IntegerField,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Coalesce

from permissions import cursors, stored
from permissions.audiences import Resource
from permissions.bounds import SHORT
from permissions.listing import Ask, list_within
from permissions.read import read_across_within
from permissions.representation import ObjectKey, Representation
from permissions.snapshot import in_snapshot
from tenants.compiled import Among, Compiled, Parameter
from tenants.keys import Key, field_of
from tenants.limits import limits

LONG = 1_000
"""Columns that may hold more than this are measured before they are read."""

PIECES = 4
"""The number of pieces in which a page of the maximum size is read."""

ROW_BYTES = 160
"""At least what an answer tells of an object besides its payload."""

Row = tuple[Key, int]


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a reader's list: what can be shown of it, and how many objects cannot.

    `cursor` names the place after its last object, None if it has none; `more` says whether
    anything follows.
    """

    shown: list[Representation]
    unavailable: int
    more: bool
    cursor: str | None


def read_page(resource: Resource, tenant_id: int, ask: Ask) -> Page:
    """Return what the reader sees of what they ask for, chosen and read in one snapshot.

    The page ends before the maximum size of a page, but not before its first object.
    """
    return in_snapshot(lambda guarded: _page_within(resource, tenant_id, ask, guarded))


def _page_within(resource: Resource, tenant_id: int, ask: Ask, guarded: bool) -> Page:
    most = limits()["page_bytes"]
    [keys] = list_within(resource, tenant_id, [ask])
    asked = keys[: ask.limit]
    read: dict[Key, Representation] = {}
    size = 0
    for piece in pieces(weighed(resource, tenant_id, asked), most // PIECES):
        pairs = [(ask.user_id, ObjectKey(resource.label, pk)) for pk in piece]
        seen = read_across_within({tenant_id: pairs}, guarded=guarded)
        for pk, pair in zip(piece, pairs, strict=True):
            representation = seen[tenant_id, pair]
            if representation is None:  # the model's own manager leaves it out
                continue
            size += len(representation.body or b"") + ROW_BYTES
            if size > most and read:
                return _page(resource, tenant_id, ask, read, more=True)
            read[pk] = representation
    return _page(resource, tenant_id, ask, read, more=len(keys) > len(asked))


def _page(
    resource: Resource, tenant_id: int, ask: Ask, read: dict[Key, Representation], *, more: bool
) -> Page:
    shown = [r for r in read.values() if r.body is not None]
    last = next(reversed(read), None)
    cursor = None if last is None else cursors.encode(resource, tenant_id, ask.user_id, last)
    return Page(shown, len(read) - len(shown), more, cursor)


def weighed(resource: Resource, tenant_id: int, pks: list[Key]) -> list[Row]:
    """Return these keys, each with the size of the object's long columns.

    This only decides how much is read at once, and nothing that readers see, as some may not see
    those columns.
    """
    statement = _weighing(resource) if len(pks) > 1 else None
    weights = dict(statement(tenant=tenant_id, keys=pks)) if statement else {}
    return [(pk, weights.get(pk, 0)) for pk in pks]


def _weighing(resource: Resource) -> Compiled | None:
    """Return the statement that measures a resource's long columns, cached on the resource; None
    if it has none."""
    kept = resource.__dict__
    if "_weighing" not in kept:
        columns = [c for c in resource.model._meta.concrete_fields if _is_long(c)]
        kept["_weighing"] = Compiled(lambda: _weights(resource, columns)) if columns else None
    found: Compiled | None = kept["_weighing"]
    return found


def _weights(resource: Resource, columns: list[Any]) -> QuerySet[Any, Any]:
    rows = stored.within(resource, Parameter("tenant", BigIntegerField()))
    keys = Among("keys", field_of(resource.model))
    return rows.filter(pk__in=keys).values_list("pk", sum(map(_octets, columns), start=Value(0)))


def pieces(rows: Sequence[Row], most: int) -> Iterator[list[Key]]:
    """Return the keys of these rows in groups of at most this weight, or of a single row."""
    piece: list[Key] = []
    weight = 0
    for pk, octets in rows:
        if piece and weight + octets > most:
            yield piece
            piece, weight = [], 0
        piece.append(pk)
        weight += octets
    if piece:
        yield piece


class Octets(Func):
    """The number of bytes of a text or binary column, measured without reading it."""

    function = "OCTET_LENGTH"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        # Versions before 3.43 have no OCTET_LENGTH.
        template = "LENGTH(CAST(%(expressions)s AS BLOB))"
        return self.as_sql(compiler, connection, template=template, **more)


def _is_long(column: Any) -> bool:
    if column.is_relation or column.choices or isinstance(column, (*SHORT, DecimalField)):
        return False
    return (column.max_length or LONG + 1) > LONG


def _octets(column: Any) -> Any:
    own: Any = F(column.name)
    plain = isinstance(column, BinaryField | TextField)
    return Coalesce(Octets(own if plain else Cast(own, TextField())), 0)
