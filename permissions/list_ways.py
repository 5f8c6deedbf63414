"""The ways by which a user sees objects in a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tenants.keys import Key


@dataclass(frozen=True, slots=True)
class Way:
    """By which a user sees objects as the audience of this rank.

    By a grant of `permission` to the `principal`, a user's or a group's key, in the resource's
    table of this number; or as the user in the holders' field `column`; or by the `rows` of this
    number; or, with none of these, every object of the tenant.
    """

    rank: int
    column: str = ""
    principal: Key = 0
    permission: int = 0
    table: int = 0
    rows: int | None = None

    @property
    def is_of_all(self) -> bool:
        """Return whether it shows every object."""
        return not (self.column or self.permission or self.rows is not None)


class Found(NamedTuple):
    """A row of the first statement; each kind leaves unused columns empty. A grant's kind has the
    number of its table."""

    what: str
    user: Key
    permission: int
    group: int
    name: str

    @property
    def table(self) -> int:
        """Return in which of the resource's tables a grant stands."""
        return int(self.what.partition(" ")[2])
