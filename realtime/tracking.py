"""Where a tracker keeps what was saved: with its instance, so that the two are no cycle.

Otherwise whatever was read would lie in the memory until the next garbage collection, which comes
after so many objects, however large their texts are.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from model_utils import FieldTracker
from model_utils.tracker import FieldInstanceTracker, FieldsContext

from realtime.models import LiveModel

SAVED = "_tracker_saved"
STATE = "_tracker_state"


class InstanceTracker(FieldInstanceTracker):
    """What was saved of an instance; made whenever it is asked for."""

    def __init__(self, instance: Any, fields: Any, field_map: Any) -> None:
        self.instance, self.fields, self.field_map = instance, fields, field_map

    @property
    def deferred_fields(self) -> set[str]:
        """What is not loaded, of foreign keys by their own names as well.

        Not taken for deferred, each would be loaded by an instance that is made for that, and that
        loads the others: for ever, where there are two (django-model-utils 533).
        """
        deferred: set[str] = self.instance.get_deferred_fields()
        return deferred | {name for name, kept in self.field_map.items() if kept in deferred}

    @property
    def saved_data(self) -> dict[str, Any]:
        """The tracked fields as they were saved."""
        found: dict[str, Any] = vars(self.instance)[SAVED]
        return found

    @saved_data.setter
    def saved_data(self, values: dict[str, Any]) -> None:
        vars(self.instance)[SAVED] = values

    @property
    def context(self) -> FieldsContext:  # type: ignore[override]
        """What counts the blocks in which the fields are not to be seen as saved."""
        state: dict[str, int] = vars(self.instance).setdefault(STATE, {})
        return FieldsContext(self, *self.fields, state=state)


class Made:
    """The attribute in which a FieldTracker keeps the tracker of an instance."""

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        tracker = owner.tracker
        return InstanceTracker(instance, tracker.fields, tracker.field_map)

    def __set__(self, instance: Any, value: InstanceTracker) -> None:
        """It is not kept."""


def keep_with_instances() -> None:
    """Have the trackers of all live models keep what they know with their instances."""
    for model in apps.get_models():
        tracker = vars(model).get("tracker")
        if issubclass(model, LiveModel) and isinstance(tracker, FieldTracker):
            tracker.tracker_class = InstanceTracker
            setattr(model, tracker.attname, Made())
