"""A world in one transaction, everybody's clients, another thread, declarations that go again."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections
from django.test import override_settings
from rest_framework.test import APIClient

from permissions.audiences import Resource, registry
from permissions.models import AccessChange
from resources.audiences import PROFILES
from tenants.models import Membership, User
from tests.announced import announced
from tests.world import World

T = TypeVar("T")

READERS = {"owner": "owner", "editor": "editor", "viewer": "viewer", "admin": "auditor"}
STRANGERS = ("member", "both", "root")

HIDDEN = replace(PROFILES, roles={"admin": "admin"})
"""Profiles of which only the person themselves and the admins are shown any."""


@pytest.fixture
def place(db: None) -> World:
    """The world for tests that need neither commits nor snapshots."""
    return World()


@pytest.fixture
def clients(world: World) -> dict[str, APIClient]:
    """Everybody in acme, `root` being a superuser."""
    root = world.user("root")
    User.objects.filter(pk=root.pk).update(is_superuser=True, is_staff=True)
    Membership.objects.create(tenant=world.tenants["acme"], user=root)
    return {name: world.rest(name) for name in (*READERS, *STRANGERS)}


@pytest.fixture
def declare() -> Iterator[Callable[[Resource], Resource]]:
    """`declare(resource)` as an app would; afterwards the registry is as it was."""
    before = tuple(registry)
    yield registry.register
    for resource in registry:
        registry.unregister(resource)
    for resource in before:
        registry.register(resource)


def on_its_own(work: Callable[[], T]) -> T:
    """Run on a thread that gives its connection back."""
    try:
        return work()
    finally:
        connections.close_all()


def elsewhere(work: Callable[[], T]) -> T:
    """Run and commit on another thread, and wait for it."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(on_its_own, work).result(10)


class Log:
    """The access log's rows of one tenant since this began."""

    def __init__(self, tenant_id: int) -> None:
        self.tenant_id = tenant_id
        self.start = max(self.rows().values_list("pk", flat=True), default=0)

    def rows(self) -> Any:
        return AccessChange.objects.filter(tenant_id=self.tenant_id).order_by("pk")

    def new(self, *fields: str) -> list[Any]:
        """These fields of the new rows; without any, whom and what they touch."""
        fields = fields or ("user_id", "model", "object_id")
        return list(self.rows().filter(pk__gt=self.start).values_list(*fields))


@pytest.fixture
def shop(world: World, declare: Callable[[Resource], Resource]) -> Iterator[World]:
    """The world with the app `shop`, which has its tables and its address `/api/items/`."""
    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, "tests.permissions.shop"]):
        from tests.permissions.shop.models import MODELS
        from tests.permissions.shop.urls import ITEMS

        declare(ITEMS)
        with connection.schema_editor() as editor:
            for model in MODELS:
                editor.create_model(model)
        create_permissions(apps.get_app_config("shop"), verbosity=0)
        with override_settings(ROOT_URLCONF="tests.permissions.shop.urls"):
            yield world
        announced()
        with connection.schema_editor() as editor:
            for model in reversed(MODELS):
                editor.delete_model(model)
        # Without looking for what refers to them, which may or may not count the tables just gone.
        types: Any = ContentType.objects.filter(app_label="shop")
        given: Any = Permission.objects.filter(content_type__in=list(types))
        for rows in (given, types):
            rows._raw_delete(rows.db)
        ContentType.objects.clear_cache()
