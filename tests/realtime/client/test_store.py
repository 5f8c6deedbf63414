"""What the Python client holds, by the table that all clients are run by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime.client.copies import Answer, Copy, changes_of
from realtime.client.held import Item, Window
from realtime.client.store import Store
from tests.conformance_clients import MODEL, Case
from tests.conformance_clients_windows import TABLE


def title(copy: Copy) -> str | None:
    return None if copy.payload is None else copy.payload["title"]


def holds(value: object, word: str, seen: set[int]) -> bool:
    """Whether a text is anywhere in what a value holds."""
    if isinstance(value, str):
        return word in value
    if id(value) in seen:
        return False
    seen.add(id(value))
    parts: list[object] = []
    if isinstance(value, dict):
        parts = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple | set):
        parts = [*value]
    elif hasattr(value, "__dict__"):
        parts = [*vars(value).values()]
    return any(holds(part, word, seen) for part in parts)


class Runner:
    """Takes the steps of a case: operations, and what is to be seen between them."""

    def __init__(self) -> None:
        self.store = Store()
        self.windows: dict[str, Window] = {}
        self.watched: list[Item] = []  # whoever listened may keep them
        self.drafts: list[tuple[Item, Any]] = []
        self.most_told = 1

    def take(self, operation: str, *args: Any) -> None:
        getattr(self, "listed" if operation == "list" else operation)(*args)

    def item(self, id: str) -> Item:
        return self.store.objects[MODEL, id]

    # Operations

    def watch(self, id: str, first: dict[str, Any] | None) -> None:
        answer = None if first is None else Answer(**first)
        self.watched.append(self.store.watch(MODEL, id, answer))

    def unwatch(self, id: str) -> None:
        self.store.unwatch(self.item(id))

    def open(self, key: str, options: dict[str, Any], first: dict[str, Any] | None) -> None:
        self.windows[key] = self.store.open(MODEL, options, first)

    def close(self, key: str) -> None:
        self.store.close(self.windows[key])

    def draft(self, id: str, values: dict[str, Any]) -> None:
        self.drafts.append((self.item(id), values))
        self.store.draft(*self.drafts[0])

    def undo(self) -> None:
        self.store.undraft(*self.drafts.pop())

    def wrote(self, id: str, answer: dict[str, Any]) -> None:
        self.store.wrote(self.item(id), Answer(**answer))

    def connected(self) -> None:
        self.store.connected()

    def disconnected(self, forget: bool) -> None:
        self.store.disconnected(forget)

    def frame(self, frame: dict[str, Any]) -> None:
        self.store.receive(frame)

    # What is seen

    def sent(self, frames: list[dict[str, Any]] | None) -> None:
        out, self.store.out = self.store.out, []
        assert frames is None or out == frames

    def copy(self, id: str, wanted: list[Any]) -> None:
        copy = self.item(id).copy()
        assert [copy.state, title(copy)] == wanted

    def listed(self, key: str, wanted: list[Any]) -> None:
        rows = self.store.rows(self.windows[key])
        assert [rows.state, [[row.id, title(row)] for row in rows.rows]] == wanted

    def more(self, key: str, wanted: list[Any]) -> None:
        rows = self.store.rows(self.windows[key])
        assert [rows.more, rows.cursor] == wanted

    def haves(self, least: int, most: int) -> None:
        assert least <= len(self.store.out[-1]["have"]) <= most
        assert len(json.dumps(self.store.out[-1])) < 16_384

    def told(self) -> None:
        assert len(self.store.changed) <= self.most_told
        self.store.changed.clear()
        self.most_told = 0

    def changes(self, before: dict[str, str], wanted: list[dict[str, Any]]) -> None:
        found = changes_of(before, self.store.rows(self.windows["L"]).rows)
        named = [{"before": None, **each} for each in wanted]
        assert [vars(change) for change in found] == named

    def forgotten(self, word: str) -> None:
        self.store.changed.clear()
        assert not holds([self.store, self.windows, self.watched], word, set())


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_client_keeps_the_rule(case: Case) -> None:
    runner = Runner()
    for step in case.steps:
        runner.take(*step)
