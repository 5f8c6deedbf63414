"""Where somebody writes who may be anybody: a tenant of its own, and what is there before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet
from knox.models import AuthToken

from permissions.audiences import registry
from permissions.representation import ObjectKey
from realtime.models import LiveModel
from resources.models import Document, Profile
from tenants import opaque
from tenants.membership_tasks import do_tasks
from tenants.models import Membership, Tenant, User
from tests.realtime.capture.ways import Write, by_another_program, by_sql

IN_GROUPS: Any = User.groups.through
PEOPLE = ("owner", "heir", "reader")
NUMBERS = count(1)
HOUR = timedelta(hours=1)
PLACING = {"tenant", "shelf", "board", "project"}
"""What objects name that says which their tenant is."""


class Scene:
    """A tenant of its own, in which all are members and `owner` has a document.

    `row` is what a case prepared to be written, and `thing` the object that is watched: the
    document, or what a case made, placed by the rows of `path`. Sockets come to `place`. `restore`
    puts back what all scenes share.
    """

    row: Any = None
    path: tuple[Any, ...] = ()
    key: str | None = None

    def __init__(self) -> None:
        self.number = next(NUMBERS)
        users = User.objects.bulk_create(
            User(username=f"{name}-{self.number}", first_name=name, password="!") for name in PEOPLE
        )
        self.users = dict(zip(PEOPLE, users, strict=True))
        self.tenant = Tenant.objects.create(slug=f"case-{self.number}")
        self.elsewhere = Tenant.objects.create(slug=f"elsewhere-{self.number}")
        Membership.objects.bulk_create(Membership(tenant=self.tenant, user=user) for user in users)
        do_tasks()
        self.place = self.tenant
        self.document = Document.objects.create(tenant=self.tenant, owner=users[0], title="Plan")
        self.thing: Any = self.document
        self.texts = {name: AuthToken.objects.create(user)[1] for name, user in self.users.items()}
        self.token = AuthToken.objects.get(user=self.users["reader"])
        self.restore: list[Callable[[], object]] = []

    @property
    def reader(self) -> User:
        return self.users["reader"]

    @property
    def group(self) -> Group:
        """A Django group of this scene's."""
        return Group.objects.get_or_create(name=f"group-{self.number}")[0]

    def membership(self, name: str = "reader") -> Membership:
        return Membership.objects.get(user=self.users[name], tenant=self.tenant)

    def profile(self, name: str) -> Profile:
        return Profile.objects.get(user=self.users[name], tenant=self.tenant)

    def here(self, row: Any = None, **values: Any) -> Write:
        """A write of these values to a row; without values, its deletion."""
        row = row or self.row
        return Write(type(row), found(row), values or None)

    def again(self) -> Write:
        """The row that was prepared, and deleted; an object has its key again."""
        meta = self.row._meta
        fields = [f for f in meta.concrete_fields if not f.primary_key and not f.generated]
        values = {field.name: getattr(self.row, field.name) for field in fields}
        if not meta.auto_field or self.row == self.thing:
            values[meta.pk.name] = self.row.pk
        return Write(type(self.row), None, values)

    def canary(self, column: str) -> str:
        """Write what nobody may see who lost the object; one that is gone comes back with it."""
        text = f"canary{self.number}"
        for row in (self.tenant, *self.path):
            if not QuerySet(type(row)).filter(pk=row.pk).exists():
                QuerySet(type(row)).bulk_create([row])
        how = Write(type(self.thing), found(self.thing), {column: text})
        if not QuerySet(how.model).filter(**how.where or {}).exists():
            names = {field.name for field in how.model._meta.fields} & PLACING
            where = {name: getattr(self.thing, name) for name in names}
            values = {"pk": self.thing.pk, "owner": self.users["heir"], "title": text}
            how = Write(how.model, None, {**values, **where})
        (by_another_program if self.number % 2 else by_sql)(how)
        return text


def found(row: Any) -> dict[str, Any]:
    """What finds this row; of our own objects the tenant must be named."""
    tenant = {"tenant_id": row.tenant_id} if isinstance(row, LiveModel) else {}
    return {"pk": row.pk, **tenant}


def permission(codename: str, app: str = "resources") -> Permission:
    return Permission.objects.get(codename=codename, content_type__app_label=app)


def key_of(obj: Any) -> ObjectKey:
    return ObjectKey(obj._meta.label_lower, obj.pk)


def id_of(key: ObjectKey) -> str:
    """What clients call it."""
    return opaque.encode(registry.get(key.model).model, key.pk)
