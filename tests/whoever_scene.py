"""Where somebody writes who may be anybody: a tenant of its own, and what is there before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import Group, Permission
from knox.models import AuthToken

from permissions.representation import ObjectKey
from resources.models import Document, Profile
from tenants import opaque
from tenants.membership_tasks import do_tasks
from tenants.models import Membership, Tenant, User
from tests.realtime.capture.ways import Write, by_another_program, by_query_set

IN_GROUPS: Any = User.groups.through
PEOPLE = ("owner", "heir", "reader")
NUMBERS = count(1)
HOUR = timedelta(hours=1)


class Scene:
    """A tenant of its own, in which all are members and `owner` has a document.

    `row` is what a case prepared to be written; `restore` puts back what all scenes share.
    """

    row: Any = None
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
        self.document = Document.objects.create(tenant=self.tenant, owner=users[0], title="Plan")
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
        where = {"pk": row.pk}
        if isinstance(row, Document | Profile):
            where["tenant_id"] = self.tenant.pk
        return Write(type(row), where, values or None)

    def again(self) -> Write:
        """The row that was prepared, and deleted; an object has its key again."""
        fields = (f for f in self.row._meta.concrete_fields if not f.primary_key)
        values = {field.name: getattr(self.row, field.name) for field in fields}
        if not self.row._meta.auto_field or isinstance(self.row, Document):
            values[self.row._meta.pk.name] = self.row.pk
        return Write(type(self.row), None, values)

    def canary(self, column: str) -> str:
        """Write what nobody may see who lost the object; one that is gone comes back with it."""
        text = f"canary-{self.number}"
        here = {"tenant_id": self.tenant.pk, "pk": self.document.pk}
        how = Write(Document, here, {column: text})
        if not Tenant.objects.filter(pk=self.tenant.pk).exists():
            Tenant.objects.create(pk=self.tenant.pk, slug=f"again-{self.number}")
        if not Document.objects.filter(**here).exists():
            how = Write(Document, None, {**here, "owner": self.users["heir"], "title": text})
        (by_another_program if self.number % 2 else by_query_set)(how)
        return text


def permission(codename: str) -> Permission:
    return Permission.objects.get(codename=codename, content_type__app_label="resources")


def id_of(key: ObjectKey) -> str:
    """What clients call it."""
    return opaque.encode(Document if key.model == "resources.document" else Profile, key.pk)
