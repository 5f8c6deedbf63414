"""What was forgotten around a declaration is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.apps import apps
from django.db import models

from permissions.adoption_checks import (
    check_declared,
    check_tenants,
    check_version,
)
from permissions.audiences import Resource, registry
from permissions.models import Guarded
from resources.audiences import DOCUMENTS
from resources.models import Document


class Own(Guarded):
    """A model with a version of its own."""

    version = models.CharField(max_length=9)

    class Meta(Guarded.Meta):
        app_label = "tests"


def test_declarations_of_this_project_forget_nothing() -> None:
    assert check_declared() == []


def test_misspelt_role_is_told() -> None:
    registry.register(replace(DOCUMENTS, roles={"amdin": "auditor"}))
    try:
        [found] = check_declared()
    finally:
        registry.register(DOCUMENTS)
    assert found.id == "earshot.E045"
    assert "'admin', 'reviewer', 'member'" in str(found.hint)


def test_live_model_without_a_declaration_is_told_where_to_declare_it() -> None:
    registry.unregister(DOCUMENTS)
    try:
        [found] = check_declared()
    finally:
        registry.register(DOCUMENTS)
    assert found.id == "earshot.W047"
    assert "In resources.audiences, write registry.register(Resource(model=Document" in str(
        found.hint
    )


def test_version_of_a_projects_own_is_told() -> None:
    assert [message.id for message in check_version(Own)] == ["earshot.E046"]
    assert list(check_version(Document)) == []


class Part(Document):
    """It inherits a live model's table."""

    class Meta(Document.Meta):
        app_label = "tests"


def test_live_model_with_a_parents_table_is_refused_though_nobody_declares_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apps, "get_models", lambda: [Document, Part])
    monkeypatch.setitem(apps.app_configs, "tests", apps.get_app_config("resources"))
    assert [found.id for found in check_declared()] == ["earshot.W047", "earshot.E071"]


class Rented(models.Model):
    """A model whose tenant lives in a flat."""

    tenant = models.CharField(max_length=9)

    class Meta:
        app_label = "tests"


class Unhoused(models.Model):
    class Meta:
        app_label = "tests"


def told(*resources: Resource) -> list[tuple[str | None, str]]:
    return [(found.id, str(found.hint)) for found in check_tenants(resources)]


def test_tenant_that_is_not_found_is_told() -> None:
    for tenant in (None, "nothing__tenant"):
        [(id, hint)] = told(Resource(model=Rented, audiences=(), tenant=tenant))  # type: ignore[arg-type]
        assert id == "earshot.E048"
        assert 'tenant="project__owner", or tenant=""' in hint
    assert told(Resource(model=Rented, audiences=(), tenant="")) == []  # type: ignore[arg-type]


def test_model_without_a_tenant_beside_others_with_one_is_told() -> None:
    bare = Resource(model=Unhoused, audiences=())  # type: ignore[arg-type]
    [(id, hint)] = told(bare, DOCUMENTS)
    assert (id, hint) == (
        "earshot.W049",
        'Declare tenant="path__to__tenant", or tenant="" if it is so.',
    )
    assert told(bare) == told(replace(bare, tenant=""), DOCUMENTS) == []
