"""What is there before somebody writes who may be anybody: objects of models of every kind.

Their keys are integers, UUIDs and texts; their versions are in a column of their own or beside;
their tenant is in a column, by a path, or one for everybody; grants on them are in tables of their
own or in guardian's generic ones; members are named by a table of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from permissions.audiences import registry
from permissions.grant_tables import GrantTable
from resources.models import Profile
from tenants.models import Membership, Tenant
from tenants.roles import role_group
from tenants.tenancy import EVERYBODY
from tests.keyed.models import Board, Shelf
from tests.keyed.place import KEYS
from tests.realtime.capture.ways import Write
from tests.whoever_before import kept
from tests.whoever_scene import IN_GROUPS, Scene, permission

Before = Callable[[Scene], None]
ANOTHER = 100_000
"""What the number of a scene's second object has more."""


def model(name: str) -> Any:
    return registry.get(f"keyed.{name}").model


def tables(name: str) -> tuple[GrantTable, GrantTable]:
    """Where the grants of users are, and those of groups."""
    users, groups = registry.get(f"keyed.{name}").grant_tables
    return users, groups


def path(name: str, tenant: Tenant) -> tuple[Any, ...]:
    """The rows that place an object of the model in a tenant, from the tenant on."""
    if name not in ("book", "leaf"):
        return ()
    shelf = Shelf.objects.create(tenant=tenant)
    return (shelf, Board.objects.create(shelf=shelf)) if name == "leaf" else (shelf,)


def create(s: Scene, name: str, number: int, tenant: Tenant | None, **values: Any) -> Any:
    """An object of the owner's."""
    tenant = tenant or s.tenant
    if name == "loose":
        s.place = Tenant.objects.get(slug=EVERYBODY)
    elif rows := path(name, tenant):
        s.path = s.path or rows
        values[type(rows[-1]).__name__.lower()] = rows[-1]
    else:
        values["tenant"] = tenant
    values = {"owner": s.users["owner"], "title": "Plan", **values}
    return model(name).objects.create(pk=KEYS[name](number), **values)


def thing(name: str, tenant: str = "tenant", **values: Any) -> Before:
    """The reader sees nothing."""

    def make(s: Scene) -> None:
        given = {key: value(s) if callable(value) else value for key, value in values.items()}
        s.row = s.thing = create(s, name, s.number, getattr(s, tenant), **given)

    return make


def another(s: Scene, name: str) -> Any:
    """An object that only its owner sees."""
    return create(s, name, s.number + ANOTHER, None)


def name_of(s: Scene) -> str:
    return str(s.thing._meta.model_name)


def row_of_grant(s: Scene, verb: str, obj: Any = None, whom: Any = None) -> Any:
    """An unsaved grant to a user or a group; to the reader."""
    name, whom = name_of(s), whom or s.reader
    table = tables(name)[isinstance(whom, Group)]
    code = permission(f"{verb}_{name}", "keyed")
    return table.row(whom.pk, code.pk, (obj or s.thing).pk, {})


def values_of(row: Any) -> dict[str, Any]:
    """What a new row is written with."""
    fields = [f for f in row._meta.concrete_fields if not f.primary_key]
    return {f.name: getattr(row, f.name) for f in fields}


def grant(verb: str = "view", group: bool = False) -> Callable[[Scene], Write]:
    """A new grant on the object."""

    def write(s: Scene) -> Write:
        row = row_of_grant(s, verb, whom=s.group if group else None)
        return Write(type(row), None, values_of(row))

    return write


def at(s: Scene, obj: Any) -> dict[str, Any]:
    """What a grant names that is on this object."""
    if tables(name_of(s))[0].is_generic:
        return {"object_pk": str(obj.pk)}
    return {"content_object": obj}


def verb(s: Scene, name: str) -> dict[str, Any]:
    return {"permission": permission(f"{name}_{name_of(s)}", "keyed")}


def given(name: str, verb: str = "view", tenant: str = "tenant", **values: Any) -> Before:
    def give(s: Scene) -> None:
        thing(name, tenant, **values)(s)
        s.row = row_of_grant(s, verb)
        s.row.save()

    return give


def from_elsewhere(name: str) -> Before:
    return given(name, tenant="elsewhere")


def others(name: str, **other: Any) -> Before:
    """The same, and then the grant gives somebody else, or on something else."""

    def give(s: Scene) -> None:
        given(name)(s)
        rows = type(s.row)._base_manager.filter(pk=s.row.pk)
        rows.update(**{key: value(s) for key, value in other.items()})

    return give


def on_another(name: str) -> Before:
    def give(s: Scene) -> None:
        given(name)(s)
        type(s.row)._base_manager.filter(pk=s.row.pk).update(**at(s, another(s, name)))

    return give


def group_given(name: str, verb: str = "view") -> Before:
    def give(s: Scene) -> None:
        thing(name)(s)
        IN_GROUPS.objects.create(user=s.reader, group=s.group)
        s.row = row_of_grant(s, verb, whom=s.group)
        s.row.save()

    return give


def in_group(name: str) -> Before:
    def give(s: Scene) -> None:
        group_given(name)(s)
        s.row = IN_GROUPS.objects.get(user=s.reader)

    return give


def role_given(name: str, group: str = "") -> Before:
    """Members see it by a grant to their role, while its group has that name."""

    def give(s: Scene) -> None:
        thing(name)(s)
        s.row = role_group(s.tenant.pk, "member")
        row_of_grant(s, "view", whom=s.row).save()
        if group:
            Group.objects.filter(pk=s.row.pk).update(name=f"{group}-{s.number}")

    return give


def linked(name: str, **other: Callable[[Scene], Any]) -> Before:
    """The reader is a member of the object; or somebody else is, or they are of another one."""

    def give(s: Scene) -> None:
        thing(name)(s)
        s.thing.members.add(s.reader)
        s.row = model(name).members.through.objects.get(user=s.reader)
        for key, value in other.items():
            setattr(s.row, key, value(s))
        s.row.save()

    return give


def new_member(s: Scene) -> Write:
    name = name_of(s)
    values = {name: s.thing, "user": s.reader}
    return Write(model(name).members.through, None, values)


def gone(before: Before) -> Before:
    """And then the row is deleted."""

    def delete(s: Scene) -> None:
        before(s)
        s.row.delete()

    return delete


def mine(name: str) -> Before:
    """It is the reader's."""
    return thing(name, owner=lambda s: s.reader)


def handed_over(name: str) -> Before:
    """It is the reader's, and the heir sees it."""

    def give(s: Scene) -> None:
        mine(name)(s)
        row_of_grant(s, "view", whom=s.users["heir"]).save()

    return give


def no_more(name: str) -> Before:
    """It was the reader's."""

    def delete(s: Scene) -> None:
        mine(name)(s)
        s.row = model(name)._base_manager.get(pk=s.thing.pk)
        type(s.thing)._base_manager.filter(pk=s.thing.pk).delete()

    return delete


def with_permission(name: str, codename: str = "") -> Before:
    """All have the permission to look by this model's; it may have another name."""

    def give(s: Scene) -> None:
        given(name)(s)
        s.row = permission(f"view_{name}", "keyed")
        kept(s, s.row)
        if codename:
            Permission.objects.filter(pk=s.row.pk).update(codename=codename)

    return give


def with_type(name: str, is_called: str = "") -> Before:
    """The content type of the model, which may have another name."""

    def give(s: Scene) -> None:
        given(name)(s)
        s.row = ContentType.objects.get_for_model(s.thing)
        kept(s, s.row)
        if is_called:
            ContentType.objects.filter(pk=s.row.pk).update(model=is_called)

    return give


def member_of_everybody(name: str, **values: Any) -> Before:
    """Without a profile, which would keep the membership."""

    def give(s: Scene) -> None:
        given(name)(s)
        Profile.objects.filter(tenant=s.place, user=s.reader).delete()
        s.row = Membership.objects.get(user=s.reader, tenant=s.place)
        Membership.objects.filter(pk=s.row.pk).update(**values) if values else None

    return give


def thing_written(**values: Any) -> Callable[[Scene], Write]:
    return lambda s: s.here(s.thing, **{k: v(s) if callable(v) else v for k, v in values.items()})
