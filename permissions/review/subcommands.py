"""The parts of `manage.py review` that take arguments of their own: each app registers its parts.

So the command names none of them, and apps above this one add theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson


class Unanswerable(Exception):
    """What was asked cannot be answered; the text is one line, which says what to do."""


class Wrong(Exception):
    """Something is not as it should be; the lines before this say what."""


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One part: its name, what it says of itself, its arguments, and how it answers.

    `ask` is called with the parsed options by name and returns the lines to print, which it may
    make while they are printed. It, or the lines, raise Unanswerable or Wrong.
    """

    name: str
    help: str
    examples: str
    add_arguments: Callable[[Any], None]
    ask: Callable[..., Iterable[str]]


_registered: Final[dict[str, Subcommand]] = {}


def register(part: Subcommand) -> None:
    """Make this a part of `manage.py review`."""
    _registered[part.name] = part


def registered() -> list[Subcommand]:
    """Every part, in the order of registration."""
    return list(_registered.values())


def get(name: str) -> Subcommand:
    """The part of this name, which is registered."""
    return _registered[name]


def in_json(what: Any) -> Iterator[str]:
    """The lines of something for a program."""
    yield orjson.dumps(what, option=orjson.OPT_INDENT_2).decode()
