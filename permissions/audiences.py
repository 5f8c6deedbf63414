"""Audiences: named, ordered classes of readers of a model, declared once per model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Model, QuerySet
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from permissions.grant_tables import GROUP, USER, GrantTable
from permissions.sources import AsGuardian, Source, direct
from tenants.placed import DECLARED
from tenants.tenancy import Tenancy, tenancy

if TYPE_CHECKING:
    from permissions.models import GroupGrant, Guarded, UserGrant
    from permissions.serializers import AudienceSerializer


class UnknownModel(LookupError):
    """No resource is declared under this label."""

    def __init__(self, label: str) -> None:
        self.label = label
        super().__init__(
            f"{label!r} is not a declared resource; declare it in an `audiences` module."
        )


class NoGrantTable(LookupError):
    """A declared model has no direct permission table of this kind."""

    def __init__(self, label: str, base: str) -> None:
        self.label = label
        self.base = base
        super().__init__(f"{label} needs a {base} with a foreign key named `content_object`.")


@dataclass(frozen=True)
class Audience:
    """Readers of one model: users with `permission` on an object see it as `serializer` shows it.

    `writes` names the payload fields they may change; `deletes` and `grants` say whether they may
    delete the object and manage who else reads it.
    """

    name: str
    permission: str
    serializer: type[AudienceSerializer]
    writes: tuple[str, ...] = ()
    deletes: bool = False
    grants: bool = False

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Return the payload's field names, in order."""
        return tuple(self.serializer.Meta.fields)

    @cached_property
    def write_serializer(self) -> type[AudienceSerializer]:
        """Return the serializer, with all fields that this audience may not write read-only."""
        base = self.serializer
        closed = tuple(name for name in self.fields if name not in self.writes)
        meta = type("Meta", (base.Meta,), {"read_only_fields": closed})
        return type(base.__name__, (base,), {"Meta": meta, "__module__": base.__module__})

    @cached_property
    def schema(self) -> str:
        """Return a digest of the declared fields; processes with equal digests render alike."""
        declared = "\n".join((self.name, *self.fields))
        return hashlib.sha256(declared.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Shows:
    """A payload field that shows another row: `field` comes from `fields` of `model`.

    `by` names the object's own fields that select the row; `find` maps rows of `model` to the
    objects that show them.
    """

    field: str
    model: type[Model]
    fields: tuple[str, ...]
    find: Callable[[list[Any]], QuerySet[Any]]
    by: tuple[str, ...] = ()


def as_is(queryset: QuerySet[Any]) -> QuerySet[Any]:
    """Return the queryset unchanged: the default `prepare`, for payloads that need only the row."""
    return queryset


@dataclass(frozen=True)
class Resource:
    """The declaration of one model: its audiences in order, and who belongs to them by default.

    `holders` maps a field that names a user, or a many-to-many field that names users, to their
    audience; `roles` maps a tenant role to its audience of every object. Both apply while the
    database says so, without a grant. `visible_by`
    maps columns to values: while any column has another value, nobody has an audience of the
    object. `prepare` adds to a queryset what the payloads need besides the row; what it adds
    depends on nothing else, as its statement is written once.

    If each object belongs to one person (the user in the first of `holders`), `names` is the
    payload field that holds their name. `never` maps a field to audiences whose payload must not
    have it, `never_label` a sensitivity to audiences that must see no field of that label.

    `filters` names the columns by whose values readers may narrow lists and windows. `sources` say
    where it is stored who was granted what.

    `tenant` is a path of foreign keys to the object's tenant (`"project__organization"`), by
    default the field `tenant`. The objects of a model without one are all in one tenant, of which
    everybody is a member.
    """

    model: type[Guarded]
    audiences: tuple[Audience, ...]
    holders: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    visible_by: Mapping[str, Any] = field(default_factory=dict)
    shows: tuple[Shows, ...] = ()
    prepare: Callable[[QuerySet[Any]], QuerySet[Any]] = as_is
    names: str = ""
    never: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    never_label: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    filters: tuple[str, ...] = ()
    sources: tuple[Source, ...] = (AsGuardian(),)
    tenant: str | None = None

    @cached_property
    def tenancy(self) -> Tenancy:
        """Return how the tenant of the model's objects is found; raise NoTenant."""
        return tenancy(self.model._meta.concrete_model, self.tenant)

    @cached_property
    def label(self) -> str:
        """Return the model's name on the wire: `app.model`."""
        return self.model._meta.label_lower

    @cached_property
    def user_grants(self) -> type[UserGrant]:
        """Return guardian's direct table of users' permissions on this model."""
        table: type[UserGrant] = self._direct_table(UserObjectPermissionBase)
        return table

    @cached_property
    def group_grants(self) -> type[GroupGrant]:
        """Return guardian's direct table of groups' permissions on this model."""
        table: type[GroupGrant] = self._direct_table(GroupObjectPermissionBase)
        return table

    def _direct_table(self, base: type[Any]) -> Any:
        """Return the table; raise NoGrantTable."""
        if table := direct(self.model, base):
            return table
        raise NoGrantTable(self.label, base.__name__)

    @cached_property
    def grant_tables(self) -> tuple[GrantTable, ...]:
        """Return the tables of all sources."""
        found = (table for source in self.sources for table in source.tables(self.model))
        return tuple(dict.fromkeys(found))

    @cached_property
    def user_tables(self) -> tuple[GrantTable, ...]:
        """Return those of users; the first is written."""
        return tuple(table for table in self.grant_tables if table.who == USER)

    @cached_property
    def group_tables(self) -> tuple[GrantTable, ...]:
        """Return those of groups; the first is written."""
        return tuple(table for table in self.grant_tables if table.who == GROUP)

    @cached_property
    def linked(self) -> Mapping[str, str]:
        """Return those of `holders` that are many-to-many fields."""
        fields = {field.name for field in self.model._meta.many_to_many}
        return {field: name for field, name in self.holders.items() if field in fields}

    @cached_property
    def named(self) -> Mapping[str, str]:
        """Return those of `holders` that are columns of the object's row."""
        return {field: name for field, name in self.holders.items() if field not in self.linked}

    @cached_property
    def permissions(self) -> tuple[str, ...]:
        """Return the audiences' permissions, in order."""
        return tuple(audience.permission for audience in self.audiences)

    def audience(self, name: str) -> Audience | None:
        """Return the audience of this name, or None."""
        return next((a for a in self.audiences if a.name == name), None)

    def declared(self, name: str) -> Audience:
        """Return the audience that `holders` or `roles` name; a system check ensures that it
        exists."""
        audience = self.audience(name)
        assert audience is not None
        return audience

    def first(self, held: Iterable[str]) -> Audience | None:
        """Return the first audience whose permission is in `held`, or None."""
        codenames = set(held)
        return next((a for a in self.audiences if a.permission in codenames), None)

    @cached_property
    def depends_on(self) -> Mapping[str, frozenset[str]]:
        """Return, for each payload field of any audience, the model fields it depends on."""
        shown = {s.field: frozenset((s.field, *s.by)) for s in self.shows}
        found: dict[str, frozenset[str]] = {}
        for audience in self.audiences:
            for name, bound in audience.serializer().fields.items():
                own = frozenset({str(bound.source).split(".")[0]})
                found[name] = found.get(name, frozenset()) | shown.get(name, own)
        return found

    def changed(self, audience: Audience, fields: Iterable[str] | None) -> tuple[str, ...]:
        """Return the payload fields that a change of these model fields may change; None: all."""
        if fields is None:
            return audience.fields
        moved = set(fields)
        return tuple(name for name in audience.fields if self.depends_on[name] & moved)


class Registry:
    """Every declared resource, by label."""

    def __init__(self) -> None:
        self._resources: dict[str, Resource] = {}

    def register(self, resource: Resource) -> Resource:
        """Declare a model's resource, replacing any earlier declaration."""
        self._resources[resource.label] = resource
        DECLARED[resource.label] = resource.tenant
        return resource

    def unregister(self, resource: Resource) -> None:
        """Remove a declaration."""
        del self._resources[resource.label], DECLARED[resource.label]

    def get(self, label: str) -> Resource:
        """Return the resource under this label; raise UnknownModel."""
        try:
            return self._resources[label]
        except KeyError:
            raise UnknownModel(label) from None

    def of(self, model: type[Model]) -> Resource:
        """Return the resource of this model; raise UnknownModel."""
        return self.get(model._meta.label_lower)

    def __iter__(self) -> Iterator[Resource]:
        return iter(tuple(self._resources.values()))

    def __contains__(self, label: object) -> bool:
        return label in self._resources


registry = Registry()
