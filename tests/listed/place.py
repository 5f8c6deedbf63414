"""The app `listed` in a world, and rows of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import override_settings

from permissions.audiences import Resource, registry
from tenants import opaque
from tests.announced import announced
from tests.keyed.place import installing
from tests.listed import models
from tests.world import World

Project: Any = models.Project
Task: Any = models.Task
Note: Any = models.Note
Part: Any = models.Part
Access: Any = models.Access
Pass: Any = models.Pass
Stamp: Any = models.Stamp
Team: Any = models.Team
Share: Any = models.Share


@pytest.fixture(scope="module")
def installed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with installing(django_db_blocker, "listed"):
        yield


@pytest.fixture
def listed(installed: None, world: World) -> Iterator[World]:
    with override_settings(ROOT_URLCONF="tests.listed.urls"):
        yield world
    announced()


def of(model: Any) -> Resource:
    return registry.of(model)


def project(world: World, code: str = "p", tenant: str = "acme") -> Any:
    return Project.objects.get_or_create(code=code, tenant=world.tenants[tenant])[0]


def task(world: World, **values: Any) -> Any:
    return Task.objects.create(**{"project": project(world), "title": "T", **values})


def note(world: World, **values: Any) -> Any:
    return Note.objects.create(**{"tenant": world.tenants["acme"], "title": "N", **values})


def passed(obj: Any, user: Any, key: str = "") -> Any:
    kind = ContentType.objects.get_for_model(type(obj))
    return Pass.objects.create(kind=kind, key=key or str(obj.pk), person=user)


def stamped(obj: Any, user: Any) -> Any:
    kind = ContentType.objects.get_for_model(type(obj))
    return Stamp.objects.create(kind=kind, number=obj.pk, person=user)


def id(obj: Any) -> str:
    return opaque.encode(type(obj), obj.pk)


def raw(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
