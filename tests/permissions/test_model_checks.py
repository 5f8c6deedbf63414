from typing import Any

import pytest
from django.db import models

from permissions.model_checks import check_model
from resources.models import Document
from tests.keyed.models import LIVE


def ids(model: Any) -> list[str | None]:
    return [message.id for message in check_model(model)]


def of_key(field: Any) -> Any:
    meta = type("Meta", (), {"app_label": "checked"})
    return type("Checked", (models.Model,), {"__module__": __name__, "key": field, "Meta": meta})


@pytest.mark.parametrize("model", [Document, *LIVE])
def test_keys_of_each_type_are_fine(model: Any) -> None:
    assert ids(model) == []


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (models.DateField(primary_key=True), ["earshot.E060"]),
        (models.DecimalField(primary_key=True, max_digits=5, decimal_places=2), ["earshot.E060"]),
        (models.TextField(primary_key=True), ["earshot.E061"]),
        (models.CharField(primary_key=True, max_length=256), ["earshot.E061"]),
        (models.CharField(primary_key=True, max_length=9, db_collation="x"), ["earshot.E062"]),
        (models.SlugField(primary_key=True), []),
    ],
)
@pytest.mark.filterwarnings("ignore:Model .* was already registered")
def test_other_keys_are_refused_with_what_to_do(field: Any, found: list[str]) -> None:
    assert ids(of_key(field)) == found


@pytest.mark.filterwarnings("ignore:Model .* was already registered")
def test_key_of_several_columns_is_refused() -> None:
    class Composed(models.Model):
        pk = models.CompositePrimaryKey("one", "two")
        one = models.IntegerField()
        two = models.IntegerField()

        class Meta:
            app_label = "checked"

    assert ids(Composed) == ["earshot.E060"]
