"""The probe's scene: a tenant with an object and a reader of each audience, made of canaries.

Everything is made inside a rehearsal, and is gone after it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import count
from typing import Any

from django.db import DatabaseError, models, transaction
from django.db.models import QuerySet

from permissions import decision, grants, stored
from permissions.audiences import Audience, Resource
from permissions.ceiling import SYSTEM
from permissions.review.filling import canaries, is_switch
from permissions.review.findings import Column, Findings
from permissions.subjects import Subject
from permissions.versions import VersionField
from tenants import hosted, users
from tenants.membership_tasks import do_tasks
from tenants.models import Membership, Role, Tenant
from tenants.placed import here, tenancy_of
from tenants.tenancy import EVERYBODY

DEPTH = 3


class Scene:
    """A tenant with a member who holds whatever the declarations give to a holder."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.numbers = count(1)
        self.name = f"probe-{secrets.token_hex(8)}"
        self.holder = users.new(f"{self.name}-holder", "")
        self.place: Any = None
        """The tenant's row in the project's own model of tenants, if it has one."""
        self.tenant = self._tenant()
        self._join(self.holder, Role.MEMBER)
        self.values: dict[tuple[Column, int], tuple[Any, Any]] = {}
        """For each column and row, the canary in it and the alternative one."""

    def member(self, name: str, role: str) -> Any:
        """Return a new user with a membership, and what comes with it."""
        user = users.new(f"{self.name}-{name}", "")
        self._join(user, role)
        return user

    def _join(self, user: Any, role: str) -> None:
        Membership.objects.update_or_create(
            tenant=self.tenant, user=user, defaults={"role": role, "is_active": True}
        )
        do_tasks()

    def _tenant(self) -> Tenant:
        """Return a new tenant; if it follows a row of the project's, it is open all the same."""
        own = hosted.organizations()
        if own is None:
            return Tenant.objects.create(slug=self.name, name=self.name)
        self.place = self.make(own.model)
        mine = Tenant.objects.filter(source=self.place.pk)
        mine.update(is_active=True)
        return mine.get()

    def reader(self, resource: Resource, audience: Audience, obj: Any) -> Any:
        """Return somebody who is in exactly this audience of the object; None if nobody can be."""
        for role in (Role.MEMBER, Role.REVIEWER, Role.ADMIN):
            user = self.member(f"{resource.label}-{audience.name}-{role}", role)
            grants.add(resource, [obj], Subject(user_id=user.pk), audience, actor=SYSTEM)
            pair = (user.pk, obj.pk)
            if decision.audiences(resource, self.tenant.pk, [pair])[pair] == audience:
                return user
        return None

    def object(self, resource: Resource) -> Any:
        """Return the holder's object, which came with their membership or is new, with canaries."""
        if not resource.tenancy.path:
            self.tenant, _ = Tenant.objects.get_or_create(slug=EVERYBODY)
            self._join(self.holder, Role.MEMBER)
        model: Any = resource.model
        named: dict[str, Any] = dict.fromkeys(resource.named, self.holder)
        mine = stored.in_tenant(model, self.tenant.pk).filter(**named)
        obj = (mine.first() if named else None) or self.make(model, **named)
        self.fill(obj)
        QuerySet(model).filter(pk=obj.pk).update(**resource.visible_by)
        return obj

    def make(self, model: Any, depth: int = DEPTH, path: str | None = None, **values: Any) -> Any:
        """Return a new row of the model with everything that it requires, and what the path to its
        tenant names."""
        path = tenancy_of(model).path if path is None else path
        first, _, rest = path.partition("__")
        for field in model._meta.concrete_fields:
            if field.primary_key or field.name in values or _is_kept(field):
                continue
            if field.remote_field:
                onwards = rest if field.name == first else None
                values[field.name] = self.target(field, depth, onwards)
            elif not field.null and not field.has_default():
                values[field.name] = (canaries(field, next(self.numbers)) or (None,))[0]
        row = model(**values)
        row.save()
        return row

    def target(self, field: Any, depth: int, path: str | None = None) -> Any:
        """Return a row for a foreign key: one of the scene, or a new one. With a path, the key is
        on that to the tenant."""
        model = field.related_model
        if model is users.User:
            return self.holder
        if model is Tenant:
            return self.tenant
        if model is Membership:
            return Membership.objects.filter(tenant=self.tenant, user=self.holder).first()
        if self.place is not None and hosted.is_tenant(model):
            return self.place
        if path is None and (field.null or depth == 0):
            return None
        return self.make(model, depth - 1, path)

    def fill(self, row: Any) -> None:
        """Put a canary into each column that takes one; note the others."""
        for field in columns(row):
            key = ((row._meta.label_lower, field.name), row.pk)
            if key in self.values:
                continue
            pair = canaries(field, next(self.numbers))
            if pair is not None and (
                is_switch(field) or self._closes(row, field)
            ):  # some of these decide who may see
                now = values_of(row)[key[0]]
                self.values[key] = (now, pair[0] if pair[0] != now else pair[1])
            elif pair is None:
                self.findings.unfilled[key[0]] = f"no canary is known for {type(field).__name__}"
            elif self.set(row, field.name, pair[0]):
                self.values[key] = pair

    def _closes(self, row: Any, field: Any) -> bool:
        """Return whether the tenant is open while this column of its row has some value."""
        own = hosted.organizations()
        return own is not None and row == self.place and field.column in dict(own.active_while)

    def set(self, row: Any, name: str, value: Any) -> bool:
        """Write one column of a row, and return whether the database accepted it."""
        try:
            with transaction.atomic():
                QuerySet(type(row)).filter(pk=row.pk).update(**{name: value})
        except (DatabaseError, ValueError, TypeError) as error:
            self.findings.unfilled[row._meta.label_lower, name] = type(error).__name__
            return False
        return True

    def around(self, resource: Resource, obj: Any) -> Iterator[Any]:
        """Yield the object, the rows that it refers to, and the rows that it declares to show."""
        seen: dict[tuple[Any, Any], Any] = {(type(obj), obj.pk): obj}
        for field in obj._meta.concrete_fields:
            if field.remote_field and (row := getattr(obj, field.name)) is not None:
                seen[type(row), row.pk] = row
        for show in resource.shows:
            for row in self.shown(show, obj):
                seen[type(row), row.pk] = row
        yield from seen.values()

    def shown(self, show: Any, obj: Any) -> list[Any]:
        """Return a row of another model that the object shows, by the declared `find`, if any."""
        rows: Any = show.model._base_manager
        placed = tenancy_of(show.model).path
        mine = here(rows.all(), self.tenant.pk) if placed else rows.order_by("-pk")[:50]
        for row in mine:
            if show.find([row]).filter(pk=obj.pk).exists():
                return [row]
        label = show.model._meta.label_lower
        for name in show.fields:
            self.findings.unfilled[label, name] = "no row is shown by the object"
        return []


def columns(row: Any) -> list[Any]:
    """Return a row's columns that may hold a canary: no keys, and none that the database sets."""
    found = row._meta.concrete_fields
    return [f for f in found if not (f.primary_key or f.remote_field or _is_kept(f))]


def _is_kept(field: Any) -> bool:
    return isinstance(field, VersionField | models.GeneratedField)


def values_of(row: Any) -> dict[Column, Any]:
    """Return what is stored in the row now."""
    names = [field.name for field in columns(row)]
    found = QuerySet(type(row)).filter(pk=row.pk).values(*names).get()
    return {(row._meta.label_lower, name): value for name, value in found.items()}
