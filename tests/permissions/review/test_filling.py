"""Canaries: two values of a column, which stand nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models

from permissions.review.filling import canaries, is_traceable
from tenants.models import User


@pytest.mark.parametrize(
    "column",
    [
        models.CharField(max_length=3),
        models.TextField(),
        models.DecimalField(max_digits=4, decimal_places=2),
        models.TimeField(),
        models.DurationField(),
        models.UUIDField(),
        models.JSONField(),
        models.BinaryField(max_length=5),
        models.GenericIPAddressField(),
        models.FloatField(),
        models.PositiveSmallIntegerField(),
        models.DateTimeField(),
        models.BooleanField(),
        models.EmailField(),
    ],
)
def test_canaries_are_two_values_of_the_column(column: Any) -> None:
    pair = canaries(column, 5)
    assert pair is not None
    first, second = pair
    assert first != second
    assert {type(column.to_python(value)) for value in pair} == {type(first)}
    assert canaries(column, 5) == pair


@pytest.mark.parametrize(
    "column",
    [
        models.CharField(choices=[("only", "Only")]),
        models.ForeignKey(User, models.CASCADE),
    ],
)
def test_column_without_two_values_has_no_canaries(column: Any) -> None:
    assert canaries(column, 1) is None


def test_only_texts_are_looked_for() -> None:
    assert [is_traceable(v) for v in ("canary000001", "0001", 5)] == [True, False, False]
