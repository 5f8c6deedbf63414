from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import models

from permissions.audiences import Resource
from permissions.links import Link, links, why_not
from realtime.capture.tables import of_table
from tenants.models import Tenant, User
from tests.keyed.models import Paper
from tests.keyed.urls import RESOURCES

PAPERS = RESOURCES[Paper]


class Watching(models.Model):
    board = models.ForeignKey("checked.Board", models.CASCADE, related_name="+")
    person = models.ForeignKey(User, models.CASCADE, to_field="username", related_name="+")

    class Meta:
        app_label = "checked"


class Paired(models.Model):
    pk = models.CompositePrimaryKey("board", "person")
    board = models.ForeignKey("checked.Board", models.CASCADE, related_name="+")
    person = models.ForeignKey(User, models.CASCADE, related_name="+")

    class Meta:
        app_label = "checked"


class Board(models.Model):
    pairs = models.ManyToManyField(User, through=Paired, related_name="+")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    watchers = models.ManyToManyField(User, through=Watching, related_name="+")
    tenants = models.ManyToManyField(Tenant, related_name="+")
    people = models.ManyToManyField(User, related_name="+")

    class Meta:
        app_label = "checked"


class Large(Board):
    class Meta:
        app_label = "checked"


def declared(model: Any, *fields: str) -> Resource:
    return replace(PAPERS, model=model, holders=dict.fromkeys(fields, "looker"))


def test_row_with_a_composite_key_is_unique_by_all_its_columns() -> None:
    assert of_table(Paired)["unique"] == (("board_id", "person_id"),)


def test_fields_are_known_by_their_tables() -> None:
    assert (PAPERS.named, PAPERS.linked) == ({"owner": "keeper"}, {"members": "looker"})
    through: Any = Paper.members.through
    assert links(PAPERS) == [Link("members", "looker", through, "paper_id", "user_id")]
    assert links(PAPERS)[0].table == through._meta.db_table


@pytest.mark.parametrize(
    ("model", "field", "reason"),
    [
        (Board, "people", None),
        (Board, "tenants", "it does not name users"),
        (Board, "watchers", "its table refers to something else than primary keys"),
        (Board, "pairs", "its table's own keys are neither integers, UUIDs nor texts"),
        (Large, "people", "it is another model's"),
    ],
)
def test_field_that_cannot_name_holders_is_refused(
    model: Any, field: str, reason: str | None
) -> None:
    assert why_not(declared(model, field), field) == reason
