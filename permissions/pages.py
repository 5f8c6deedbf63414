"""A page of a list, read in pieces within one snapshot, so no more is rendered than fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import (
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
from rest_framework import exceptions, status

from permissions.audiences import Resource
from permissions.bounds import SHORT
from permissions.read import read_within
from permissions.representation import ObjectKey, Representation
from permissions.snapshot import in_snapshot
from tenants.limits import limits

LONG = 1_000
"""Columns that may hold more than this are measured before they are read."""

PIECES = 4
"""The number of pieces in which a page of the maximum size is read."""

Row = tuple[int, int]


class PageTooLarge(exceptions.APIException):
    """The objects of a page exceed the maximum size of a page."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "page_too_large"

    def __init__(self, most: int) -> None:
        super().__init__(f"The page has more than {most} bytes; ask for a smaller `page_size`.")


def weighed(resource: Resource, objects: QuerySet[Any]) -> QuerySet[Any, Row]:
    """Return the keys of these objects, each with the size of its long columns.

    This only decides how much is read at once, and nothing that readers see, as some may not see
    those columns.
    """
    columns = resource.model._meta.concrete_fields
    weight = sum((_octets(c) for c in columns if _is_long(c)), start=Value(0))
    return objects.values_list("pk", weight)


def read_page(resource: Resource, tenant_id: int, reader: int, rows: Sequence[Row]) -> list[Any]:
    """Return what the reader sees of these objects, in this order; raise PageTooLarge.

    A single object is shown whatever its size.
    """
    most = limits()["page_bytes"]

    def within(guarded: bool) -> list[Representation]:
        found: list[Representation] = []
        size = 0
        for piece in pieces(rows, most // PIECES):
            pairs = [(reader, ObjectKey(resource.label, pk)) for pk in piece]
            for seen in read_within(tenant_id, pairs, guarded=guarded).seen.values():
                if seen is None:
                    continue
                size += len(seen.body or b"")
                found.append(seen)
                if size > most and len(found) > 1:
                    raise PageTooLarge(most)
        return found

    return in_snapshot(within)


def pieces(rows: Sequence[Row], most: int) -> Iterator[list[int]]:
    """Return the keys of these rows in groups of at most this weight, or of a single row."""
    piece: list[int] = []
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
