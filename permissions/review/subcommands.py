"""The parts of `manage.py review` that take their own arguments: each app registers its parts.

Therefore the command names none of them, and apps above this one can add theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson


class Unanswerable(Exception):
    """A question that cannot be answered; the text is one line, which says what to do."""


class Wrong(Exception):
    """Something is not as it should be; the lines before this say what."""


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One part: its name, its help, its arguments, and the function that answers.

    Among its arguments is `--format`. `ask` is called with the parsed options by name and returns
    the lines to print, which may be produced lazily. The call or the iteration may raise
    Unanswerable or Wrong.
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
    """Return every part, in the order of registration."""
    return list(_registered.values())


def get(name: str) -> Subcommand:
    """Return the registered part with this name."""
    return _registered[name]


def in_json(what: Any) -> Iterator[str]:
    """Yield the lines of a value for a program."""
    yield orjson.dumps(what, option=orjson.OPT_INDENT_2).decode()
