"""Many-to-many fields by which objects name the users who hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model

from permissions.audiences import Resource
from tenants.keys import Key, UnknownKind, kind_of


@dataclass(frozen=True, slots=True)
class Link:
    """The table of a holders' field: each row names an object and a user, in these columns."""

    field: str
    audience: str
    through: Any
    object: str
    user: str

    @property
    def table(self) -> str:
        """Return the name of the table."""
        name: str = self.through._meta.db_table
        return name


def links(resource: Resource) -> list[Link]:
    """Return the table of each holders' field that is many-to-many."""
    return [_link(resource, field, audience) for field, audience in resource.linked.items()]


def _link(resource: Resource, name: str, audience: str) -> Link:
    field: Any = resource.model._meta.get_field(name)
    through = field.remote_field.through
    return Link(name, audience, through, field.m2m_column_name(), field.m2m_reverse_name())


def users_of(resource: Resource, pk: Key) -> dict[str, list[int]]:
    """Return the users whom each such field of an object names; one query for each field."""
    found = {}
    for link in links(resource):
        field: Any = resource.model._meta.get_field(link.field)
        rows = link.through._base_manager.filter(**{field.m2m_field_name(): pk})
        users = rows.order_by("pk").values_list(f"{field.m2m_reverse_field_name()}_id", flat=True)
        found[link.field] = list(users)
    return found


def why_not(resource: Resource, name: str) -> str | None:
    """Return why this many-to-many field cannot name holders, or None if it can."""
    field: Any = resource.model._meta.get_field(name)
    concrete: Any = resource.model._meta.concrete_model
    if field not in concrete._meta.local_many_to_many:
        return "it is another model's"
    if field.related_model._meta.concrete_model is not get_user_model()._meta.concrete_model:
        return "it does not name users"
    through = field.remote_field.through._meta
    names = field.m2m_field_name(), field.m2m_reverse_field_name()
    ends: Any = [through.get_field(name) for name in names]
    if not all(end in through.concrete_model._meta.local_concrete_fields for end in ends):
        return "its table lacks what that of a parent has"
    if not all(end.target_field.primary_key for end in ends):
        return "its table refers to something else than primary keys"
    try:
        kind_of(through.model)
    except UnknownKind:
        return "its table's own keys are neither integers, UUIDs nor texts"
    return None
