"""A tenant's windows in this process, found by what may move their lists. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from realtime.state.windows import Window

NONE: Final[dict[Window, None]] = {}


class WindowIndex:
    """The windows of a tenant that have not ended, by model and by user."""

    def __init__(self) -> None:
        self._of_model: dict[str, dict[Window, None]] = {}
        self._filtering: dict[str, dict[Window, None]] = {}
        self._of_user: dict[int, dict[Window, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._of_model)

    @property
    def models(self) -> Collection[str]:
        """Return the models of which there are windows."""
        return self._of_model.keys()

    @property
    def all(self) -> list[Window]:
        """Return all windows."""
        return [window for mine in self._of_model.values() for window in mine]

    def add(self, window: Window) -> None:
        """Add a window."""
        for index, name in self._places(window):
            index.setdefault(name, {})[window] = None

    def remove(self, window: Window) -> None:
        """Remove a window."""
        for index, name in self._places(window):
            del index[name][window]
            if not index[name]:
                del index[name]

    def of_model(self, model: str) -> Collection[Window]:
        """Return the windows of a model."""
        return self._of_model.get(model, NONE).keys()

    def moved(self, model: str, *, created: bool) -> Collection[Window]:
        """Return the windows that an object may enter without a change of access: all of the model
        if it was created, else those that filter."""
        index = self._of_model if created else self._filtering
        return index.get(model, NONE).keys()

    def of_user(self, user_id: int | None, model: str | None = None) -> Iterable[Window]:
        """Return a user's windows, or all (None), of a model or of all models."""
        if user_id is None:
            return self.all if model is None else self.of_model(model)
        mine = self._of_user.get(user_id, NONE)
        return [window for window in mine if model in (None, window.model)]

    def _places(self, window: Window) -> list[tuple[dict[Any, dict[Window, None]], Any]]:
        places: list[tuple[dict[Any, dict[Window, None]], Any]] = [
            (self._of_model, window.model),
            (self._of_user, window.socket.user_id),
        ]
        if window.where:
            places.append((self._filtering, window.model))
        return places
