"""What `what-if` can be asked: a change of one fact on which the decision rests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from permissions.audiences import Audience, Resource
from permissions.subjects import Subject
from tenants.keys import Key


@dataclass(frozen=True, slots=True)
class Granting:
    """The subject's only grant on the object is of this audience; None: no grant."""

    resource: Resource
    pk: Key
    subject: Subject
    audience: Audience | None


@dataclass(frozen=True, slots=True)
class Joining:
    """The user has this role in the tenant; None: they are no active member.

    `leaving` is the key of their membership if that is deleted, with what belongs to it.
    """

    user_id: int
    role: str | None
    leaving: int | None = None


@dataclass(frozen=True, slots=True)
class Grouping:
    """The user is in one of the operator's groups, or is not."""

    user_id: int
    group: str
    is_in: bool


@dataclass(frozen=True, slots=True)
class Writing:
    """A column that names a holder or decides who may see has this value on the object."""

    resource: Resource
    pk: Key
    column: str
    value: Any


@dataclass(frozen=True, slots=True)
class Declaring:
    """A resource is declared differently; its audiences keep their names and order."""

    resource: Resource
    declared: Resource


@dataclass(frozen=True, slots=True)
class Listing:
    """The only row of the project's own that names the object, or what it refers to, and the user
    or the team, gives this audience; None: there is no such row. `number` says of which source."""

    resource: Resource
    number: int
    pk: Key
    who: Key
    audience: Audience | None


Hypothesis = Granting | Joining | Grouping | Writing | Declaring | Listing
