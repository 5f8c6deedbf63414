"""Loading objects so that stored values Django cannot convert fail alone.

One such value fails the whole query. The bad values are then found by column and by halves, and the
objects are loaded without them; reading one of them raises an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, NoReturn

from django.db import models, transaction
from django.db.models import BigIntegerField

from permissions import stored, unavailable
from permissions.audiences import Resource
from tenants.compiled import Among, Compiled, Parameter
from tenants.keys import Key, field_of
from tenants.placed import tenant_name

UNREADABLE: Final = object()
"""Stands for a value that cannot be read; it equals no other value."""


class UnreadableValue(ValueError):
    """A stored value cannot be converted to a value of its field."""

    def __init__(self, model: type[models.Model], names: Iterable[str]) -> None:
        self.model = model
        self.names = tuple(names)
        super().__init__(
            f"The stored value of {', '.join(self.names)} in this {model._meta.label} is invalid"
            " for the field: write another."
        )


def load(
    resource: Resource, rows: models.QuerySet[Any], *, savepoint: bool = False
) -> dict[Key, Any]:
    """Return the objects of these rows, by key, with what their payloads need, in one query.

    If a row fails, more queries follow. `savepoint` guards them where a failed query spoils the
    transaction; without it, that error is raised.
    """
    return load_rows(_prepared(resource, rows), savepoint=savepoint)


def load_keys(
    resource: Resource, tenant_ids: Collection[int], pks: Collection[Key], *, savepoint: bool
) -> dict[Key, Any]:
    """Do `load` for the objects with these keys in these tenants, by a statement that is written
    once."""
    if not pks:
        return {}
    try:
        statement = _statement(resource)
    except Exception:  # whatever `prepare` raises
        return load(resource, _rows(resource, tenant_ids, pks), savepoint=savepoint)
    try:
        with _guard(savepoint):
            return _by_key(statement(tenants=tenant_ids, keys=pks))
    except Exception as error:  # converters may raise anything
        unavailable.raise_database_s(error)
    return _without_what_fails(resource.prepare(_rows(resource, tenant_ids, pks)))


def _statement(resource: Resource) -> Compiled:
    """Return the statement that loads a resource's objects, cached on the resource."""
    kept: dict[Any, Compiled] = resource.__dict__.setdefault("_loading", {})
    prepare, key = resource.prepare, field_of(resource.model)
    if prepare not in kept:
        tenants = Among("tenants", BigIntegerField())
        rows = Compiled(lambda: prepare(_rows(resource, tenants, Among("keys", key))))
        rows.write()
        kept[prepare] = rows
    return kept[prepare]


def _rows(resource: Resource, tenant_ids: Any, pks: Any) -> models.QuerySet[Any]:
    rows: models.QuerySet[Any] = stored.rows(resource).filter(
        **{f"{tenant_name(resource.model)}__in": tenant_ids}, pk__in=pks
    )
    return rows


def load_rows(rows: models.QuerySet[Any], *, savepoint: bool = False) -> dict[Key, Any]:
    """Return the objects of these rows, without preparation."""
    try:
        with _guard(savepoint):
            return _by_key(rows)
    except Exception as error:  # converters may raise anything
        unavailable.raise_database_s(error)
    return _without_what_fails(rows)


def _without_what_fails(rows: models.QuerySet[Any]) -> dict[int, Any]:
    keys = rows.order_by().values_list("pk", flat=True)
    keys.query.select_for_update = False  # the rows are locked, and `of` needs whole objects
    return _load_in_parts(rows, list(keys))


def one(resource: Resource, tenant_id: int, pk: Key, *, lock: bool) -> Any:
    """Return the tenant's object with this key, or None, for writing or deleting, by a statement
    that is written once; `lock` it until the transaction ends.

    Values that cannot be read are UNREADABLE, and may be set.
    """
    statement = _one(resource, lock)
    try:
        return next(iter(statement(tenant=tenant_id, key=pk)), None)
    except Exception as error:  # so the row exists, and is locked
        unavailable.raise_database_s(error)
    obj = _load_in_parts(stored.within(resource, tenant_id), [pk])[pk]
    unread = dict.fromkeys(obj.unreadable, UNREADABLE)
    obj.refresh_from_db = lambda *_, **__: obj.__dict__.update(unread)
    return obj


def _one(resource: Resource, lock: bool) -> Compiled:
    """Return the statement that selects one object, cached on the resource."""
    kept: dict[Any, Compiled] = resource.__dict__.setdefault("_loading", {})
    if lock not in kept:
        tenant, key = (
            Parameter("tenant", BigIntegerField()),
            Parameter("key", field_of(resource.model)),
        )

        def build() -> models.QuerySet[Any]:
            rows = stored.within(resource, tenant).filter(pk=key)
            return rows.select_for_update(no_key=True, of=("self",)) if lock else rows

        statement = Compiled(build)
        statement.write()  # what fails here is no fault of a row
        kept[lock] = statement
    return kept[lock]


def values_of_all(rows: models.QuerySet[Any], names: Collection[str]) -> dict[Key, dict[str, Any]]:
    """Return these fields of the rows, by key; UNREADABLE for values that cannot be read."""
    try:
        return {row["pk"]: row for row in rows.values("pk", *names)}
    except Exception as error:
        unavailable.raise_database_s(error)
    pks = list(rows.values_list("pk", flat=True))
    return {pk: values(rows.filter(pk=pk), ("pk", *names)) or {} for pk in pks}


def values(rows: models.QuerySet[Any], names: Iterable[str]) -> dict[str, Any] | None:
    """Return these fields of the first row, or None; UNREADABLE for values that cannot be read."""
    try:
        return next(iter(rows.values(*names)), None)
    except Exception as error:
        unavailable.raise_database_s(error)
    found: dict[str, Any] = dict.fromkeys(names, UNREADABLE)
    for name in names:
        found |= _halves([name], lambda some: rows.values(*some)[0].items())
    return found


def _prepared(resource: Resource, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    try:
        return resource.prepare(rows)
    except Exception:  # then reading it fails with a clear error
        return rows


def _load_in_parts(prepared: models.QuerySet[Any], pks: list[Key]) -> dict[Key, Any]:
    """Return the objects with these keys, without the values that cannot be read."""
    model = prepared.model
    plain: models.QuerySet[Any] = models.QuerySet(model)
    if stored.VERSION in prepared.query.annotations:
        plain = stored.with_versions(plain)
    columns = [f.attname for f in model._meta.concrete_fields if not f.primary_key]
    parts = {name: _column(plain, pks, name) for name in columns}
    broken = [name for name in columns if len(parts[name]) < len(pks)]
    found = _halves(pks, lambda some: _by_key(prepared.filter(pk__in=some).defer(*broken)))
    bare = [pk for pk in pks if pk not in found]  # a prepared value cannot be read
    found |= _by_key(plain.filter(pk__in=bare).defer(*broken))
    for pk, obj in found.items():
        obj.unreadable = frozenset(name for name in broken if pk not in parts[name])
        obj.__dict__.update({name: parts[name][pk] for name in broken if pk in parts[name]})
        if obj.unreadable:
            obj.refresh_from_db = _refuse(model, obj.unreadable)
    return found


def _by_key(rows: Iterable[Any]) -> dict[Key, Any]:
    return {obj.pk: obj for obj in rows}


def _column(rows: models.QuerySet[Any], pks: list[Key], name: str) -> dict[Key, Any]:
    return _halves(pks, lambda some: rows.filter(pk__in=some).values_list("pk", name))


def _halves(keys: list[Any], fetch: Callable[[list[Any]], Any]) -> dict[Any, Any]:
    """Return what can be fetched of these keys, halving the batch where something fails."""
    try:
        with _guard(True):
            return dict(fetch(keys))
    except Exception as error:
        unavailable.raise_database_s(error)
    if len(keys) == 1:
        return {}
    middle = len(keys) // 2
    return {**_halves(keys[:middle], fetch), **_halves(keys[middle:], fetch)}


def _guard(savepoint: bool) -> AbstractContextManager[Any]:
    return transaction.atomic() if savepoint else nullcontext()


def _refuse(model: type[models.Model], names: Iterable[str]) -> Callable[..., NoReturn]:
    """Raise instead of loading a value later, which would fail again or come from another state."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise UnreadableValue(model, names)

    return refuse
