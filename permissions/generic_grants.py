"""What stands in guardian's generic tables and is not read: guardian does not once a model has its
own, nor do we, unless the declaration says so. The rows are copied, and stay there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models, transaction

from permissions.audiences import Resource
from permissions.sources import Direct, Generic
from tenants.keys import Key, field_of

BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Pair:
    """A generic table, the resource's own one, and the field that both have: a user or a group."""

    generic: Any
    direct: Any
    who: str


def pairs(resource: Resource) -> list[Pair]:
    """Return the tables of users' and of groups' permissions, of which the model has its own."""
    generic = {table.who: table.model for table in Generic().tables(resource.model)}
    own = Direct().tables(resource.model)
    return [Pair(generic[table.who], table.model, f"{table.who}_id") for table in own]


def unread(resource: Resource) -> list[Pair]:
    """Return those of which the generic one is not read."""
    read = {table.model for table in resource.grant_tables}
    return [pair for pair in pairs(resource) if pair.generic not in read]


def rows(resource: Resource, pair: Pair) -> models.QuerySet[Any]:
    """Return the generic rows that give an audience of the resource."""
    meta: Any = resource.model._meta.concrete_model._meta  # type: ignore[union-attr]
    found: models.QuerySet[Any] = pair.generic._base_manager.filter(
        content_type__app_label=meta.app_label,
        content_type__model=meta.model_name,
        permission__content_type=models.F("content_type"),
        permission__codename__in=resource.permissions,
    )
    return found.order_by("pk")


def count(resource: Resource) -> int:
    """Return how many generic rows there are."""
    return sum(rows(resource, pair).count() for pair in pairs(resource))


def is_missing(resource: Resource, there: Collection[str]) -> bool:
    """Return whether a generic row gives what nothing that is read gives.

    `there` are the tables that exist: those that are about to be made give nothing yet.
    """
    needed = (resource.model, ContentType, Permission)
    if not {model._meta.db_table for model in needed} <= {*there}:
        return False
    for pair in unread(resource):
        if pair.generic._meta.db_table not in there:
            continue
        made = pair.direct._meta.db_table in there
        for some in _batches(resource, pair):
            rows = _of_objects(resource, some)
            if _new(pair, rows) if made else rows:
                return True
    return False


def copy(resource: Resource) -> Iterator[tuple[int, int]]:
    """Copy the rows, a few in each transaction; yield how many were read and how many were new.

    Rows that are there already stay as they are, and rows for objects that do not exist are left
    out. To do it again does nothing twice.
    """
    for pair in pairs(resource):
        for some in _batches(resource, pair):
            with transaction.atomic():
                new = _new(pair, _of_objects(resource, some))
                pair.direct._base_manager.bulk_create(new, ignore_conflicts=True)
            yield len(some), len(new)


def _batches(resource: Resource, pair: Pair) -> Iterator[list[Any]]:
    after = 0
    while some := list(rows(resource, pair).filter(pk__gt=after)[:BATCH]):
        yield some
        after = some[-1].pk


def _of_objects(resource: Resource, some: Collection[Any]) -> list[tuple[Any, Key]]:
    """Return the rows with the keys of their objects, of those that exist."""
    field = field_of(resource.model)
    keys: dict[str, Key] = {}
    for row in some:
        try:
            key = field.to_python(row.object_pk)
        except ValidationError:  # it never named an object
            continue
        if str(key) == row.object_pk:  # guardian compares texts: "017" gives nothing
            keys[row.object_pk] = key
    there = set(
        models.QuerySet(resource.model)
        .filter(pk__in=[key for key in keys.values() if _fits(field, key)])
        .values_list("pk", flat=True)
    )
    return [(row, keys[row.object_pk]) for row in some if keys.get(row.object_pk) in there]


def _fits(field: Any, key: Key) -> bool:
    """Return whether a column of this type can hold the key."""
    try:
        field.run_validators(key)
    except ValidationError:
        return False
    return True


def _new(pair: Pair, some: Collection[tuple[Any, Key]]) -> list[Any]:
    """Return the direct rows that are missing for these."""
    known = pair.direct._base_manager.filter(
        content_object__in={key for _, key in some},
        **{f"{pair.who}__in": {getattr(row, pair.who) for row, _ in some}},
    ).values_list(pair.who, "permission_id", "content_object_id")
    wanted = {(getattr(row, pair.who), row.permission_id, key) for row, key in some}
    return [
        pair.direct(**{pair.who: who}, permission_id=permission, content_object_id=key)
        for who, permission, key in sorted(wanted - set(known), key=str)
    ]
