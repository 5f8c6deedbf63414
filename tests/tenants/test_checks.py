"""`manage.py check` finds tenants' models whose managers are not as they should be."""

from typing import Any, ClassVar

import pytest
from django.apps import apps
from django.core.checks import registry
from django.db import models

from tenants.checks import check_managers
from tenants.scoping import TenantOwned, TenantQuerySet, UnscopedManager
from tests.tenants.test_scoping import LoudNote, Note


class Mine(TenantQuerySet[Any]):
    pass


class Timed(models.Model):
    """Somebody's mixin, which comes first and knows no tenants."""

    class Meta:
        abstract = True


class WithoutMeta(TenantOwned):
    """Refers to a mixin first, but has no Meta and no managers of its own."""

    class Meta:
        app_label = "tests"


class Ordered(TenantOwned):
    """Its Meta does not inherit, and it has a manager of its own."""

    objects = Mine.as_manager()

    class Meta:
        app_label = "tests"
        ordering = ("pk",)


class MixedIn(Timed, TenantOwned):
    """Django asks its first base only."""

    class Meta:
        app_label = "tests"


class Plain(TenantOwned):
    objects: ClassVar[Any] = models.Manager()

    class Meta(TenantOwned.Meta):
        app_label = "tests"


class Unscoped(TenantOwned):
    objects: ClassVar[Any] = UnscopedManager.from_queryset(Mine)()

    class Meta(TenantOwned.Meta):
        app_label = "tests"


class Lately(TenantOwned):
    """One more manager, which reads everybody's rows."""

    lately: ClassVar[Any] = models.Manager()

    class Meta(TenantOwned.Meta):
        app_label = "tests"


class Proxy(Ordered):
    class Meta:
        app_label = "tests"
        proxy = True


class Child(Note):
    """A table of its own beside its parent's."""

    class Meta:
        app_label = "tests"


def check(monkeypatch: pytest.MonkeyPatch, *found: type[models.Model]) -> list[str]:
    monkeypatch.setattr(apps, "get_models", lambda: list(found))
    return [f"{message.id} {message.msg}" for message in check_managers()]


def test_projects_own_models_pass() -> None:
    assert check_managers() == []
    assert check_managers in registry.registry.registered_checks


def test_models_that_inherit_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(monkeypatch, Note, LoudNote, Child, WithoutMeta, models.Model) == []


OWN = "earshot.E030 Django's own queries on {} use {!r}, which is not an UnscopedManager."
OPEN = "earshot.E031 {} reads the rows of all tenants by default."


@pytest.mark.parametrize(
    ("model", "messages"),
    [
        (Ordered, [OWN.format("Ordered", "objects")]),
        (MixedIn, [OWN.format("MixedIn", "objects"), OWN.format("MixedIn", "_base_manager")]),
        (Proxy, [OWN.format("Proxy", "objects")]),
        (Plain, [OPEN.format("Plain.objects")]),
        (Unscoped, [OPEN.format("Unscoped.objects")]),
        (Lately, [OPEN.format("Lately.lately")]),
    ],
)
def test_manager_that_raises_for_django_or_not_for_people_is_an_error(
    monkeypatch: pytest.MonkeyPatch, model: type[models.Model], messages: list[str]
) -> None:
    assert check(monkeypatch, model) == messages


def test_hint_says_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps, "get_models", lambda: [Ordered, Plain])
    own, people = check_managers()
    assert "class Meta(LiveModel.Meta)" in str(own.hint)
    assert "default_manager_name = 'unscoped'" in str(own.hint)
    assert "objects = Mine.as_manager()" in str(people.hint)
