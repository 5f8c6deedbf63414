"""A write to a captured row, and what its reader hears of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from permissions.representation import ObjectKey
from tests.realtime.capture.ways import Write
from tests.whoever_scene import Scene, key_of

GONE = "gone"
"""What a reader hears whose copy goes."""


class Case(NamedTuple):
    """A write to what was prepared, and what the reader hears.

    `heard` of a loss is GONE, a lesser audience or a close code; of a gain the audience; of a
    change what the payload shows. `column` is where the canary sits, that only who has not lost
    sees; `witness` sees it. `sees` is as what the reader sees it before: "out" is who is not let
    in, "unknown" whose credential would go if they tried. `cascade` is the deletion of what takes
    the row along. `only` names the ways for a write that foreign keys allow in those only.
    """

    table: str
    before: Callable[[Scene], None]
    write: Callable[[Scene], Write]
    heard: str | int | dict[str, Any]
    sees: str | None = "viewer"
    column: str = "title"
    witness: str | None = "owner"
    of: Callable[[Scene], ObjectKey] = lambda s: key_of(s.thing)
    cascade: Callable[[Scene], Write] | None = None
    only: tuple[str, ...] = ()


def reader_deleted(s: Scene) -> Write:
    return s.here(s.reader)


def own_profile(s: Scene) -> ObjectKey:
    return ObjectKey("resources.profile", s.profile("reader").pk)


def heirs_profile(s: Scene) -> ObjectKey:
    return ObjectKey("resources.profile", s.profile("heir").pk)


DJANGO = ("instance", "query set", "base manager")
