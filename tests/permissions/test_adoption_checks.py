"""What was forgotten around a declaration is told."""

from __future__ import annotations

from dataclasses import replace

from django.db import models

from permissions.adoption_checks import (
    check_declared,
    check_version,
)
from permissions.audiences import registry
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
