"""In which order a tenant's tables are emptied."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import QuerySet
from django.test.utils import isolate_apps

from project.console import tenant_deletion
from resources.models import Document, DocumentUserGrant, Profile
from tenants.models import Membership


def order(*models: Any) -> list[Any]:
    querysets: list[QuerySet[Any]] = [QuerySet(model) for model in models]
    return [queryset.model for queryset in tenant_deletion.in_order(querysets)]


def test_rows_go_before_those_that_they_refer_to() -> None:
    grants = DocumentUserGrant
    assert order(Membership, Document, Profile, grants).index(Document) > 0
    found = order(Document, Membership, grants, Profile)
    assert found.index(grants) < found.index(Document)
    assert found.index(Profile) < found.index(Membership)


def test_rows_that_refer_to_each_other_go_all_the_same() -> None:
    with isolate_apps("tests"):

        class Left(models.Model):
            right = models.ForeignKey("Right", models.CASCADE)

            class Meta:
                app_label = "tests"

        class Right(models.Model):
            left = models.ForeignKey(Left, models.CASCADE)

            class Meta:
                app_label = "tests"

        assert set(order(Left, Right, Document)) == {Left, Right, Document}
