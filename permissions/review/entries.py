"""The catalogue's entries: what is declared of a model and its audiences, as plain values.

`audiences.lock.json` stores them, and releases are compared by them, so they hold names and never
classes. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

UNDECLARED: Final = "undeclared"
COLUMN: Final = "column"
OTHER_ROW: Final = "other row"
METHOD: Final = "method"


@dataclass(frozen=True, slots=True)
class Type:
    """What a value can be: its kind, its maximum size, its choices."""

    kind: str
    size: int | None = None
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.choices:
            return f"{self.kind} of {', '.join(self.choices)}"
        return self.kind if self.size is None else f"{self.kind} up to {self.size}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: columns of the row, or of other rows, which `by` selects; or
    `code`, by its name in the entry."""

    kind: str
    of: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    code: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = " ".join(part for part in (self.kind, ", ".join(self.of)) if part)
        return f"{text} (chosen by {', '.join(self.by)})" if self.by else text


@dataclass(frozen=True, slots=True)
class Field:
    """A field of one audience's payload."""

    type: Type
    source: Source
    nullable: bool = False
    writable: bool = False
    sensitivity: str = UNDECLARED


@dataclass(frozen=True, slots=True)
class Place:
    """A line in a file of the project."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Shown:
    """An audience: its permission, what else it may do, and its payload's fields in order."""

    permission: str
    fields: Mapping[str, Field]
    deletes: bool = False
    grants: bool = False
    where: Place | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A model: its audiences in order, who holds which without a grant, and what is never shown.

    `found` says how its table, its tenants, grants and names are found, where that is declared.
    `code` has digests of what no declaration describes: `prepare`, `find`, methods.
    """

    audiences: Mapping[str, Shown]
    holders: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    visible_by: Mapping[str, str] = field(default_factory=dict)
    never: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    never_label: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    found: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)


Catalogue = Mapping[str, Entry]
"""The entries of all models, by label."""
