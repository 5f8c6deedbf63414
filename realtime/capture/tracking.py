"""Where a tracker keeps what was saved: with its instance, so that the two form no cycle.

Otherwise everything that is read would stay in memory until the next garbage collection, which
depends on the number of objects, and not on the size of their texts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from model_utils import FieldTracker
from model_utils.tracker import (
    DescriptorWrapper,
    FieldInstanceTracker,
    FieldsContext,
    lightweight_deepcopy,
)

SAVED = "_tracker_saved"
STATE = "_tracker_state"
IMMUTABLE: Final = (str, int, float, bytes, date, timedelta, Decimal, UUID, type(None))
MOSTLY: Final = frozenset({*IMMUTABLE, bool, datetime})
"""Types that are looked up at once; most values are of one of them."""


def kept(value: Any) -> Any:
    """Return the value, or a copy if it is mutable."""
    return value if isinstance(value, IMMUTABLE) else lightweight_deepcopy(value)


class InstanceTracker(FieldInstanceTracker):
    """What was saved of an instance; made again whenever it is asked for."""

    def __init__(self, instance: Any, fields: Any, field_map: Any) -> None:
        self.instance, self.fields, self.field_map = instance, fields, field_map

    @property
    def deferred_fields(self) -> set[str]:
        """Return the names of what is not loaded; foreign keys by their own names as well.

        Otherwise each would be loaded by an instance made for that purpose, which loads the others:
        without end where there are two (django-model-utils 533).
        """
        deferred: set[str] = self.instance.get_deferred_fields()
        return deferred | {name for name, kept in self.field_map.items() if kept in deferred}

    @property
    def saved_data(self) -> dict[str, Any]:  # type: ignore[override]
        """Return the tracked fields as they were saved; key and tenant by their attributes."""
        found: dict[str, Any] = vars(self.instance)[SAVED]
        return found

    def set_saved_fields(self, fields: Iterable[str] | None = None) -> None:
        """Take the current values of these fields (None: of all) for saved, unless there is no key.

        What is not loaded stays unknown.
        """
        if self.instance.pk is None:
            vars(self.instance)[SAVED] = {}
        else:
            self.keep(fields)

    def keep(self, fields: Iterable[str] | None = None) -> None:
        """Do the same for an instance that is about to get its key."""
        values = vars(self.instance)
        saved = {} if fields is None else dict(values.get(SAVED, {}))
        for name in self.fields if fields is None else fields:
            attname = self.field_map[name]
            if attname in values:
                value = values[attname]
                saved[name] = value if value.__class__ in MOSTLY else kept(value)
            else:
                saved.pop(name, None)
        for attname in (self.instance._meta.pk.attname, "tenant_id"):
            if values.get(attname) is not None:
                saved[attname] = values[attname]
        values[SAVED] = saved

    def previous(self, field: str) -> Any:
        """Return the field's saved value; query it if it was assigned without being loaded."""
        values, attname = vars(self.instance), self.field_map[field]
        if field not in self.saved_data and not self.instance._state.adding:
            assigned = values.get(attname, values)
            self.instance.refresh_from_db(fields=[attname])
            self.set_saved_fields([field])
            if assigned is not values:
                setattr(self.instance, attname, assigned)
        return self.saved_data.get(field)

    @property
    def context(self) -> FieldsContext:  # type: ignore[override]
        """Return the counter of the blocks in which the fields are not to be seen as saved."""
        state: dict[str, int] = vars(self.instance).setdefault(STATE, {})
        return FieldsContext(self, *self.fields, state=state)


class Made:
    """The attribute in which a FieldTracker keeps the tracker of an instance."""

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        tracker = owner.tracker
        return InstanceTracker(instance, tracker.fields, tracker.field_map)

    def __set__(self, instance: Any, value: InstanceTracker) -> None:
        """Ignore it: a tracker is made when it is asked for."""


def keep_with_instances(live: type[Any]) -> None:
    """Make the trackers of all models of this base keep their state with the instances."""
    for model in apps.get_models():
        tracker = vars(model).get("tracker")
        if issubclass(model, live) and isinstance(tracker, FieldTracker):
            tracker.tracker_class = InstanceTracker
            setattr(model, tracker.attname, Made())
            _unwrap(model, tracker.fields)


def _unwrap(model: Any, names: Iterable[str]) -> None:
    """Read and assign values as Django does: the tracker's own descriptors would load a
    deferred one when it is assigned."""
    for name in names:
        wrapper = vars(model).get(name)
        if isinstance(wrapper, DescriptorWrapper):
            setattr(model, name, wrapper.descriptor)
