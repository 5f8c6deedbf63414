"""Permission sources: where it is stored who was granted what on the objects of a model.

What a source names is all that the apps need of it: the decision reads its tables in its one
statement for a batch of users and objects, lists begin with them, and the capture watches them and
keeps the intervals that their rows stand for. Fields of the objects themselves are the
declaration's `holders`; rows of the project's own are `permissions.rows.Rows`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase
from guardian.utils import get_group_obj_perms_model, get_user_obj_perms_model

from permissions.grant_tables import GROUP, USER, GrantTable
from permissions.rows import Rows

__all__ = ["AsGuardian", "Direct", "Generic", "Rows", "Source", "direct"]


class Source(Protocol):
    """Where grants are stored. New ones are written to the first table of the first source."""

    def tables(self, model: Any) -> Iterator[GrantTable]:
        """Yield the tables whose rows give permissions on the model's objects."""


@dataclass(frozen=True, slots=True)
class Direct:
    """Guardian's direct tables: of this model alone, with a foreign key `content_object`."""

    def tables(self, model: Any) -> Iterator[GrantTable]:
        """Yield those that the model has."""
        for who, base in ((USER, UserObjectPermissionBase), (GROUP, GroupObjectPermissionBase)):
            if table := direct(model, base):
                yield GrantTable(table, model._meta.concrete_model, who)


@dataclass(frozen=True, slots=True)
class Generic:
    """Guardian's generic tables, in which rows on objects of all models stand."""

    def tables(self, model: Any) -> Iterator[GrantTable]:
        """Yield both."""
        yield GrantTable(get_user_obj_perms_model(), model._meta.concrete_model, USER)
        yield GrantTable(get_group_obj_perms_model(), model._meta.concrete_model, GROUP)


@dataclass(frozen=True, slots=True)
class AsGuardian:
    """Where guardian itself looks: in a model's direct table, or in the generic one if there is
    none."""

    def tables(self, model: Any) -> Iterator[GrantTable]:
        """Yield one of users, and one of groups."""
        direct = {table.who: table for table in Direct().tables(model)}
        for table in Generic().tables(model):
            yield direct.get(table.who, table)


def direct(model: Any, base: type[Any]) -> Any:
    """Return the model's direct table of this kind, found as guardian does, but without a query."""
    for relation in model._meta.related_objects:
        table = relation.related_model
        if relation.field.name == "content_object" and issubclass(table, base):
            return table
    return None
