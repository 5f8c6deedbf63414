"""Writes to what places objects in a tenant, where that is found by a path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.whoever_case import DJANGO, GONE, Case
from tests.whoever_keyed_before import Before, from_elsewhere, given, linked, path, thing_written
from tests.whoever_scene import Scene

Cases = dict[str, Case]


def last(name: str, tenant: str) -> Callable[[Scene], Any]:
    """The row by which objects are placed in the tenant."""
    return lambda s: path(name, getattr(s, tenant))[-1]


def by_path(name: str, first: str) -> tuple[Cases, Cases]:
    """Where the tenant is found by a path: each of its rows may lead elsewhere."""

    def row(before: Before, number: int) -> Before:
        def choose(s: Scene) -> None:
            before(s)
            s.row = s.path[number]

        return choose

    losses = {
        "it is placed elsewhere": Case(
            "object", given(name), thing_written(**{first: last(name, "elsewhere")}), GONE,
            witness=None,
        ),
        "its shelf goes to another tenant": Case(
            "shelf", row(given(name), 0), lambda s: s.here(tenant=s.elsewhere), GONE, witness=None
        ),
        "its shelf is deleted": Case(
            "shelf", row(given(name), 0), Scene.here, GONE, witness=None,
            only=(*DJANGO, "TRUNCATE"),
        ),
    }  # fmt: skip
    gains = {
        "it is placed here": Case(
            "object", from_elsewhere(name), thing_written(**{first: last(name, "tenant")}),
            "looker", None,
        ),
        "its shelf comes from another tenant": Case(
            "shelf", row(from_elsewhere(name), 0), lambda s: s.here(tenant=s.tenant), "looker",
            None,
        ),
    }  # fmt: skip
    if name == "leaf":
        losses["a member is taken out"] = Case("members", linked(name), Scene.here, GONE)
        losses["its board goes to another shelf"] = Case(
            "board", row(given(name), 1), lambda s: s.here(shelf=path(name, s.elsewhere)[0]), GONE,
            witness=None,
        )  # fmt: skip
        gains["its board comes from another shelf"] = Case(
            "board", row(from_elsewhere(name), 1),
            lambda s: s.here(shelf=path(name, s.tenant)[0]), "looker", None,
        )  # fmt: skip
    return losses, gains
