"""The project's own models of tenants and members, as its settings declare them.

Their rows say who is in which tenant, and our rows follow them (`realtime/capture/hosted.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.conf import settings

from tenants.keys import kind_of, kind_of_field, target_of

MODEL: Final = "EARSHOT_TENANT_MODEL"
FIELDS: Final = "EARSHOT_TENANT_FIELDS"
MEMBERS: Final = "EARSHOT_MEMBERSHIP"

Conditions = tuple[tuple[str, Any], ...]
"""Columns, and the value that each has while a row counts."""


@dataclass(frozen=True, slots=True)
class Organizations:
    """The model whose rows are tenants: a slug and a name in columns (empty: its key), and while
    which conditions people may enter."""

    model: Any
    slug: str = ""
    name: str = ""
    active_while: Conditions = ()

    @property
    def table(self) -> str:
        """Return the name of its table."""
        name: str = self.model._meta.db_table
        return name

    @property
    def key(self) -> str:
        """Return the column of its key."""
        column: str = self.model._meta.pk.column
        return column

    @property
    def kind(self) -> str:
        """Return what its keys are."""
        return kind_of(self.model)

    @property
    def watched(self) -> tuple[str, ...]:
        """Return the columns that our rows follow."""
        names = (self.key, self.slug, self.name, *(column for column, _ in self.active_while))
        return tuple(dict.fromkeys(filter(None, names)))


@dataclass(frozen=True, slots=True)
class Members:
    """The model whose rows are memberships: its columns of the tenant and the user, and of the
    role with what its values mean, the strongest first; without one, all are members."""

    model: Any
    tenant: str
    user: str
    role: str = ""
    roles: tuple[tuple[Any, str], ...] = ()
    active_while: Conditions = ()

    @property
    def table(self) -> str:
        """Return the name of its table."""
        name: str = self.model._meta.db_table
        return name

    @property
    def watched(self) -> tuple[str, ...]:
        """Return the columns that our rows follow."""
        active = (column for column, _ in self.active_while)
        names = (self.tenant, self.user, self.role, *active)
        return tuple(dict.fromkeys(filter(None, names)))


def tenant_model() -> Any:
    """Return the project's model of tenants; None if it has none."""
    label = getattr(settings, MODEL, None)
    return apps.get_model(label) if label else None


def is_tenant(model: Any) -> bool:
    """Return whether the rows of this model are tenants."""
    own = tenant_model()
    return own is not None and model._meta.concrete_model is own._meta.concrete_model


def or_model() -> str:
    """Return how texts name it as the other model that a path may lead to."""
    label = getattr(settings, MODEL, None)
    return f" or {label}" if label else ""


def organizations() -> Organizations | None:
    """Return what is declared of tenants."""
    model = tenant_model()
    if model is None:
        return None
    given: Mapping[str, Any] = getattr(settings, FIELDS, {})
    slug, name = (column(model, given[n]) if n in given else "" for n in ("slug", "name"))
    return Organizations(model, slug, name, _conditions(model, given))


def members() -> Members | None:
    """Return what is declared of memberships."""
    given: Mapping[str, Any] | None = getattr(settings, MEMBERS, None)
    if not given or tenant_model() is None:
        return None
    model = apps.get_model(given["model"])
    role = given.get("role")
    return Members(
        model,
        column(model, given["tenant"]),
        column(model, given["user"]),
        column(model, role) if role else "",
        tuple(given.get("roles", {}).items()),
        _conditions(model, given),
    )


def are_kept_elsewhere() -> bool:
    """Return whether the project's own rows say who is a member."""
    return bool(getattr(settings, MEMBERS, None))


def column(model: Any, name: str) -> str:
    """Return the column of a field."""
    found: str = model._meta.get_field(name).column
    return found


def kind_in(model: Any, name: str) -> str:
    """Return what the values of a column are; raise UnknownKind."""
    [field] = [each for each in model._meta.concrete_fields if each.column == name]
    return kind_of_field(target_of(field), model)


def _conditions(model: Any, given: Mapping[str, Any]) -> Conditions:
    pairs = given.get("active_while", {}).items()
    return tuple((column(model, name), value) for name, value in pairs)
