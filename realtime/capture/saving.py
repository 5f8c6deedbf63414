"""What a save writes: what its instance changed, and what a rollback took back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db import models
from django.utils import timezone

from realtime.capture.tracking import MOSTLY, SAVED

SAVING: Final = "_saving"
WRITTEN: Final = "_written"
CREATION: Final = None
"""Stands for the whole row, in the place of a field's name."""

Value = tuple[Any, Any, Any]
"""A value that Django is about to write: the field, the model or None, and the value."""


class FixedField(ValueError):
    """A write tried to change a field that never changes."""

    def __init__(self, model: type[models.Model], field: str) -> None:
        self.model = model
        self.field = field
        super().__init__(
            f"{model.__name__}.{field} cannot be written: a version only counts changes, and an "
            "object keeps its tenant and its key; leave the field out, or create another object."
        )


def same(one: Any, other: Any) -> bool:
    """Return whether two values of a column are read alike: `true` differs from 1, and 1.0 too."""
    if one is other:
        return True
    match one, other:
        case dict(), dict():
            return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
        case list(), list():
            return len(one) == len(other) and all(map(same, one, other))
        case float(), float():
            return repr(one) == repr(other)
    return (
        isinstance(one, bool) is isinstance(other, bool)
        and isinstance(one, int) is isinstance(other, int)
        and bool(one == other)
    )


def is_expression(value: Any) -> bool:
    """Return whether the database computes the value."""
    return value.__class__ not in MOSTLY and hasattr(value, "resolve_expression")


@dataclass(slots=True, eq=False)
class Write:
    """A save that a rollback may still take back; called after the commit, it becomes final.

    `expressions` are, by attribute, what it had the database compute.
    """

    expressions: dict[str, Any]
    place: int = -1
    committed: bool = False

    def __call__(self) -> None:
        self.committed = True

    def begin(self, connection: Any) -> None:
        """Register it in the open transaction; without one, it is committed already."""
        if connection.in_atomic_block:
            self.place = len(connection.run_on_commit)
            connection.on_commit(self)
        else:
            self.committed = connection.get_autocommit()

    def is_lost(self, connection: Any) -> bool:
        """Return whether it was rolled back; Django then drops the end of its list."""
        if self.committed:
            return False
        waiting = connection.run_on_commit
        return not (0 <= self.place < len(waiting) and waiting[self.place][1] is self)

    def __deepcopy__(self, memo: Any) -> Write:
        return self

    def __reduce__(self) -> Any:
        # Where it is unpickled, nobody would learn what became of it.
        return Write, ({}, -1, True)


class Saving:
    """One save of an instance: selects what is written, and keeps what must be known later.

    A context manager around Django's own save; if that fails, the instance has written nothing.
    """

    def __init__(
        self, instance: Any, named: frozenset[str] | None, connection: Any, *, forced: bool
    ) -> None:
        self.forced = forced
        self._instance = instance
        self._named = named
        self._connection = connection
        self._saved = vars(instance)[SAVED]
        self._adding = instance._state.adding
        lost = {k: w for k, w in _written(instance).items() if w.is_lost(connection)}
        self._lost = lost.keys()
        for write in lost.values():
            for attname, expression in write.expressions.items():
                vars(instance).setdefault(attname, expression)
        self._given: set[str] = set()
        self._outer: Saving | None = None
        self._created = False
        self._fields: set[str] = set()
        self._expressions: dict[str, Any] = {}

    @property
    def recreates(self) -> bool:
        """Return whether the creation of this instance's row was rolled back."""
        return CREATION in self._lost

    def chosen(self, values: Iterable[Value]) -> list[Value]:
        """Return those of the values Django would write that are to be written."""
        found = [value for value in values if self._is_due(value[0], value[2])]
        for field, _, value in found:
            self._fields.add(field.name)
            if is_expression(value):
                self._expressions[field.attname] = value
        return found

    def _is_due(self, field: Any, value: Any) -> bool:
        if field.name == "version":
            return False
        if self._named is not None or self._instance._state.adding:
            return True
        if field.attname in self._given:
            return False
        if field.name in self._lost:
            return True
        saved = vars(self._instance)[SAVED]
        if field.name not in saved:
            return field.name != "tenant" or field.attname not in saved
        return is_expression(value) or not same(value, saved[field.name])

    def insert(self, fields: Iterable[Any]) -> None:
        """Note that all these fields are written."""
        self._created = True
        self._fields.update(field.name for field in fields)

    def __enter__(self) -> None:
        """Give removed attributes a value: Django takes an attribute without one for deferred."""
        self._given = {"version", *self._instance.stamps} - vars(self._instance).keys()
        for name in self._given:
            vars(self._instance)[name] = 0 if name == "version" else timezone.now()
        self._outer = vars(self._instance).get(SAVING)  # a receiver may save again
        vars(self._instance)[SAVING] = self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        vars(self._instance)[SAVING] = self._outer
        take_away(self._instance, self._given)
        if failed is not None:
            vars(self._instance)[SAVED] = self._saved
            self._instance._state.adding = self._adding
        elif self._fields:
            self._put_away()

    def _put_away(self) -> None:
        instance, meta = self._instance, self._instance._meta
        if self._created:
            given = vars(instance)
            names = (field.attname for field in meta.concrete_fields)
            self._expressions = {k: given[k] for k in names if is_expression(given.get(k))}
            computed: Iterable[str] = ()
        else:
            saved_as(instance, self._fields)
            stamps = {s for s, of in instance.stamps.items() if self._fields & {s, *of}}
            generated = {field.attname for field in meta.concrete_fields if field.generated}
            computed = stamps | generated
        take_away(instance, {"version", *computed, *self._expressions})
        write = Write(self._expressions)
        write.begin(self._connection)
        known = {k: w for k, w in _written(instance).items() if k not in self._fields}
        if not write.committed:
            known |= dict.fromkeys(self._fields, write)
            if self._created:
                known[CREATION] = write
        vars(instance)[WRITTEN] = known


def _written(instance: Any) -> dict[str | None, Write]:
    """Return each field's last write, of the writes that have not committed."""
    found: dict[str | None, Write] = vars(instance).get(WRITTEN, {})
    return {name: write for name, write in found.items() if not write.committed}


def take_away(instance: Any, attnames: Iterable[str]) -> None:
    """Remove these attributes, so that they are loaded when they are read."""
    saved = dict(vars(instance)[SAVED])
    for attname in attnames:
        vars(instance).pop(attname, None)
        saved.pop(instance._meta.get_field(attname).name, None)
    vars(instance)[SAVED] = saved


def saved_as(instance: Any, names: Iterable[str]) -> None:
    """Mark foreign keys as saved: a tracker knows them by name, Django by attribute."""
    known = instance.tracker.field_map
    instance.tracker.keep([name for name in names if known.get(name, name) != name])


def forget(instance: Any, fields: Iterable[str] | None, connection: Any) -> None:
    """Forget what a rollback took back of fields that were read again; None: of all fields."""
    names = {field.attname: field.name for field in instance._meta.concrete_fields}
    read = None if fields is None else {names.get(name, name) for name in fields}
    saved_as(instance, read or ())
    vars(instance)[WRITTEN] = {
        name: write
        for name, write in _written(instance).items()
        if not write.is_lost(connection) or not (read is None or name in read)
    }
