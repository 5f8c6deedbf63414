"""The app `keyed` in a world, and what one of its models is in it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections
from django.test import override_settings

from permissions import grants
from permissions.audiences import Resource, registry
from permissions.ceiling import SYSTEM
from permissions.subjects import Subject
from realtime.capture import waking
from realtime.capture.installing import install
from realtime.capture.interval_models import Held
from realtime.publishing.publisher import publisher
from tenants import opaque
from tests.announced import announced
from tests.rows import filled, unannounced
from tests.world import World

KEYS: dict[str, Callable[[int], Any]] = {
    "small": lambda number: number + 1,
    "unique": lambda number: uuid.UUID(int=0xFEDC << 112 | number),
    "named": lambda number: f"Ünder '{number:02}'",
    "paper": lambda number: number + 1,
    "sheet": lambda number: f"Ünder '{number:02}'",
    "book": lambda number: number + 1,
    "leaf": lambda number: number + 1,
    "loose": lambda number: number + 1,
    "badge": lambda number: number + 1,
    "folder": lambda number: uuid.UUID(int=0xABCD << 112 | number),
}
LIVE = ("small", "unique", "named")
PLAIN = ("paper", "folder")


@dataclass
class Place:
    """The world with objects of one of the models."""

    world: World
    resource: Resource
    key: Callable[[int], Any]

    @property
    def model(self) -> Any:
        return self.resource.model

    @property
    def url(self) -> str:
        return f"/api/{self.model._meta.model_name}/"

    def create(self, number: int, owner: str = "owner", **values: Any) -> Any:
        """An object with the key of this number."""
        place = {"tenant": self.world.tenants["acme"], "owner": self.world.user(owner)}
        if "tenant" not in {field.name for field in self.model._meta.fields}:
            del place["tenant"]
        return self.model.objects.create(
            pk=self.key(number), **{**place, "title": f"Title {number}", **values}
        )

    def id(self, obj: Any) -> str:
        return opaque.encode(self.model, obj.pk)

    def grant(self, obj: Any, username: str, audience: str = "looker") -> None:
        whom = Subject(user_id=self.world.user(username).pk)
        grants.put(self.resource, obj, whom, self.resource.declared(audience), actor=SYSTEM)

    def revoke(self, obj: Any, username: str) -> None:
        whom = Subject(user_id=self.world.user(username).pk)
        grants.take(self.resource, obj, whom, actor=SYSTEM)

    def raw(self, sql: str, *parameters: Any) -> None:
        """A write past Django to the model's table."""
        with connection.cursor() as cursor:
            table = connection.ops.quote_name(self.model._meta.db_table)
            cursor.execute(sql.format(table=table), parameters)


def captured() -> None:
    """The triggers are those of the models that are installed now."""
    install()
    waking._events.cache_clear()
    waking._tables.cache_clear()


@pytest.fixture(scope="module")
def installed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The app `keyed` is installed for all tests of a module."""
    with installing(django_db_blocker):
        yield


@contextmanager
def declaring(app: str = "keyed", **more: Any) -> Iterator[None]:
    """The app is installed and declared, with these settings; it has no tables."""
    installed = [*settings.INSTALLED_APPS, f"tests.{app}"]
    with override_settings(INSTALLED_APPS=installed, **more):
        resources = import_module(f"tests.{app}.urls").RESOURCES
        apps.clear_cache()  # what refers to users was known before
        for resource in resources.values():
            registry.register(resource)
        yield
        for resource in resources.values():
            registry.unregister(resource)


@contextmanager
def installing(django_db_blocker: Any, app: str = "keyed", **more: Any) -> Iterator[None]:
    """The app is installed, declared and captured, and has its tables, with these settings."""
    with declaring(app, **more):
        models = import_module(f"tests.{app}.models").MODELS
        with emptied(django_db_blocker):
            with connection.schema_editor() as editor:
                for model in models:
                    editor.create_model(model)
            create_permissions(apps.get_app_config(app), verbosity=0)
            captured()
        yield
    with emptied(django_db_blocker):
        captured()
        with connection.schema_editor() as editor:
            for model in reversed(models):
                editor.delete_model(model)
        types: Any = ContentType.objects.filter(app_label=app)
        given: Any = Permission.objects.filter(content_type__in=list(types))
        held: Any = Held.objects.filter(model__startswith=f"{app}.")  # by roles that it declared
        for rows in (given, types, held):
            rows._raw_delete(rows.db)
        ContentType.objects.clear_cache()


@contextmanager
def emptied(blocker: Any) -> Iterator[None]:
    """What the block leaves in the tables that it fills is what stays in them from now on."""
    with blocker.unblock(), unannounced():
        yield
        filled.record()
        filled.put_back()
        publisher.own.read()
        connections.close_all()


@pytest.fixture
def keyed(installed: None, world: World) -> Iterator[World]:
    """A world where the app `keyed` has its addresses."""
    with override_settings(ROOT_URLCONF="tests.keyed.urls"):
        yield world
    announced()


def place_of(world: World, name: str) -> Place:
    """What this model is in the world."""
    return Place(world, registry.get(f"keyed.{name}"), KEYS[name])


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    """The first words of the frames' types."""
    return [f["type"].partition("_")[0] for f in frames]
