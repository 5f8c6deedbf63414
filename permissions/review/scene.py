"""The probe's scene: a tenant with an object and a reader of each audience, made of canaries.

Everything is made inside a rehearsal, and is gone after it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import count
from typing import Any

from django.db import DatabaseError, models, transaction

from permissions import decision, grants
from permissions.audiences import Audience, Resource
from permissions.ceiling import SYSTEM
from permissions.review.filling import canaries, is_switch
from permissions.review.findings import Column, Findings
from permissions.subjects import Subject
from permissions.versions import VersionField
from tenants import users
from tenants.membership_tasks import do_tasks
from tenants.models import Membership, Role, Tenant

DEPTH = 3


class Scene:
    """A tenant with a member who holds whatever the declarations give to a holder."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.numbers = count(1)
        self.name = f"probe-{secrets.token_hex(8)}"
        self.tenant = Tenant.objects.create(slug=self.name, name=self.name)
        self.holder = self.member("holder", Role.MEMBER)
        self.values: dict[tuple[Column, int], tuple[Any, Any]] = {}
        """For each column and row, the canary in it and the alternative one."""

    def member(self, name: str, role: str) -> Any:
        """Return a new user with a membership, and what comes with it."""
        user = users.new(f"{self.name}-{name}", "")
        Membership.objects.create(tenant=self.tenant, user=user, role=role)
        do_tasks()
        return user

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
        model: Any = resource.model
        named = dict.fromkeys(resource.named, self.holder)
        found = model._base_manager.filter(tenant=self.tenant, **named).first() if named else None
        obj = found or self.make(model, **named)
        self.fill(obj)
        model._base_manager.filter(pk=obj.pk).update(**resource.visible_by)
        return obj

    def make(self, model: Any, depth: int = DEPTH, **values: Any) -> Any:
        """Return a new row of the model with everything that it requires."""
        for field in model._meta.concrete_fields:
            if field.primary_key or field.name in values or _is_kept(field):
                continue
            if field.remote_field:
                values[field.name] = self.target(field, depth)
            elif not field.null and not field.has_default():
                values[field.name] = (canaries(field, next(self.numbers)) or (None,))[0]
        row = model(**values)
        row.save()
        return row

    def target(self, field: Any, depth: int) -> Any:
        """Return a row for a foreign key: one of the scene, or a new one."""
        rows = {Tenant: self.tenant, users.User: self.holder}
        rows[Membership] = Membership.objects.filter(tenant=self.tenant, user=self.holder).first()
        if field.related_model in rows:
            return rows[field.related_model]
        if field.null or depth == 0:
            return None
        return self.make(field.related_model, depth - 1)

    def fill(self, row: Any) -> None:
        """Put a canary into each column that takes one; note the others."""
        for field in columns(row):
            key = ((row._meta.label_lower, field.name), row.pk)
            if key in self.values:
                continue
            pair = canaries(field, next(self.numbers))
            if pair is not None and is_switch(field):  # some of these decide who may see
                now = values_of(row)[key[0]]
                self.values[key] = (now, pair[0] if pair[0] != now else pair[1])
            elif pair is None:
                self.findings.unfilled[key[0]] = f"no canary is known for {type(field).__name__}"
            elif self.set(row, field.name, pair[0]):
                self.values[key] = pair

    def set(self, row: Any, name: str, value: Any) -> bool:
        """Write one column of a row, and return whether the database accepted it."""
        try:
            with transaction.atomic():
                type(row)._base_manager.filter(pk=row.pk).update(**{name: value})
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
        names = {field.name for field in show.model._meta.concrete_fields}
        mine = rows.filter(tenant=self.tenant) if "tenant" in names else rows.order_by("-pk")[:50]
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
    stored = type(row)._base_manager.filter(pk=row.pk).values(*names).get()
    return {(row._meta.label_lower, name): value for name, value in stored.items()}
