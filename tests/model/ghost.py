"""A client of windows that obeys the frames, and to whom nothing may come that breaks a promise."""

from __future__ import annotations

import json
from typing import Any

from resources.models import Document
from tenants import opaque
from tests.model.database import KEYS, NAMES, Database

AUDIENCES = {name: audience for audience, name in NAMES.items()}


class Broken(AssertionError):
    """A frame breaks a promise, or the client does not have at rest what it should."""


class Ghost:
    """What the client of one user's socket holds; `floors` are the earliest places in the history
    whose payload may still come."""

    def __init__(self, database: Database, user: int) -> None:
        self.database = database
        self.user = user
        self.rows: dict[str, list[int]] = {}
        self.windows: dict[str, dict[str, Any]] = {}
        self.more: dict[str, bool] = {}
        self.singles: set[int] = set()
        self.copies: dict[int, tuple[str, dict[str, Any]]] = {}
        self.floors = dict.fromkeys(KEYS, 0)
        self.waiting: set[Any] = set()

    def take(self, text: str) -> None:
        """Obey a frame."""
        frame = json.loads(text)
        kind, name = frame["type"], frame.get("window")
        pk = opaque.decode(Document, frame["id"]) if "id" in frame else None
        if frame.get("ref") is not None and frame.get("code") != "unavailable":
            self.waiting.discard(frame["ref"])
        if kind == "SUBSCRIBED" and name is None and pk is not None:
            self.singles.add(pk)
        if kind == "UNSUBSCRIBED" or (name is not None and name not in self.rows):
            return
        if pk is None:
            self.more[name] = frame["more"]
        elif kind == "LEFT":
            self._leave(name, pk)
        elif kind == "ERROR" or kind.startswith("DELETE_"):
            self.singles.discard(pk)
            self._forget(pk)
        else:
            self._show(kind, frame, pk)

    def _show(self, kind: str, frame: dict[str, Any], pk: int) -> None:
        payload = frame.get("payload")
        if payload is None:
            assert frame["etag"][0] in NAMES
            payload = json.loads(frame["etag"][1:])
        audience, history = AUDIENCES[frame["audience"]], self.database.history
        view = self.database.view
        when = [
            place
            for place, state in enumerate(history)
            if (row := state.row(pk)) is not None and view(row, audience) == payload
        ]
        if not any(history[place].audience(self.user, pk) == audience for place in when):
            raise Broken(f"{self.user} was never to see {payload} of {pk}")
        if when[-1] < self.floors[pk]:
            raise Broken(f"{payload} of {pk} is older than what came before")
        held = pk in self.singles or any(pk in rows for rows in self.rows.values())
        if kind == "ENTERED":
            self._enter(frame, pk)
        elif not held and kind != "SUBSCRIBED":
            raise Broken(f"{kind} of {pk}, which is not held")
        elif kind.startswith("UPDATE_") and self.copies.get(pk) == (audience, payload):
            raise Broken(f"{kind} of {pk} says nothing new")
        first = next(p for p in when if p >= self.floors[pk])
        self.floors[pk] = max(self.floors[pk], _start(when, first))
        self.copies[pk] = audience, payload

    def _enter(self, frame: dict[str, Any], pk: int) -> None:
        name, before = frame["window"], frame["before"]
        rows = self.rows[name]
        if pk in rows:
            raise Broken(f"{pk} enters {name} twice")
        if not any(pk in self._list(state, name) for state in self.database.history):
            raise Broken(f"{pk} enters {name}, where it never belonged")
        place = len(rows) if before is None else rows.index(opaque.decode(Document, before) or 0)
        rows.insert(place, pk)
        if rows != sorted(rows, reverse=True):
            raise Broken(f"{pk} enters {name} at the wrong place: {rows}")

    def _leave(self, name: str, pk: int) -> None:
        if pk not in self.rows[name]:
            raise Broken(f"{pk} leaves {name}, where it is not")
        limit = self.windows[name]["limit"]
        since = range(self.floors[pk], len(self.database.history))
        outside = [p for p in since if pk not in self._list(self.database.history[p], name)[:limit]]
        if not outside:
            raise Broken(f"{pk} leaves {name}, where it always belonged")
        self.floors[pk] = outside[0]
        self.rows[name].remove(pk)
        self._forget(pk)

    def _forget(self, pk: int) -> None:
        if pk not in self.singles and not any(pk in rows for rows in self.rows.values()):
            self.copies.pop(pk, None)

    def _list(self, state: Any, name: str) -> list[int]:
        window = self.windows[name]
        return self.database.listed(state, self.user, bool(window.get("where")), window["after"])

    def closed(self, name: str) -> None:
        """The client has closed a window."""
        rows = self.rows.pop(name)
        del self.windows[name]
        self.more.pop(name, None)
        for pk in rows:
            self._forget(pk)

    def check(self) -> None:
        """When all is quiet, each window is the beginning of its list, and all copies are right."""
        state = self.database.now
        if self.waiting:
            raise Broken(f"not answered: {self.waiting}")
        for name, rows in self.rows.items():
            expected = self._list(state, name)
            limit = self.windows[name]["limit"]
            least = min(len(expected), (limit + 1) // 2)
            if rows != expected[: len(rows)] or not least <= len(rows) <= limit:
                raise Broken(f"{name} of {self.user} has {rows}, and not {expected}")
            if not self.more[name] and len(rows) < len(expected):
                raise Broken(f"{name} says that there is no more than {rows} of {expected}")
        for pk, (audience, payload) in self.copies.items():
            row = state.row(pk)
            if row is None or state.audience(self.user, pk) != audience:
                raise Broken(f"{self.user} still holds {pk} as {audience}")
            if self.database.view(row, audience) != payload:
                raise Broken(f"{self.user} holds {payload} of {pk}, which is {row}")


def _start(when: list[int], place: int) -> int:
    """The first place from which on the payload was without a break as it is at this one."""
    while place - 1 in when:
        place -= 1
    return place
