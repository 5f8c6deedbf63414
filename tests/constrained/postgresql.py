"""The constraints that only PostgreSQL has; see `models`."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import IntegerRangeField, RangeOperators
from django.db.models import Deferrable, F, Func, Q, UniqueConstraint


def span() -> Any:
    return Func(F("low"), F("high"), function="int4range", output_field=IntegerRangeField())


OF_POSTGRESQL: tuple[Any, ...] = (
    UniqueConstraint(
        fields=["tenant", "room"], nulls_distinct=False, condition=Q(title="R"), name="room"
    ),
    UniqueConstraint(
        fields=["tenant", "shelf"], deferrable=Deferrable.DEFERRED, name="constrained_shelf"
    ),
    ExclusionConstraint(
        name="constrained_seat",
        expressions=[("tenant", RangeOperators.EQUAL), ("seat", RangeOperators.EQUAL)],
        include=["title"],
        deferrable=Deferrable.IMMEDIATE,
    ),
    ExclusionConstraint(
        name="constrained_span",
        expressions=[(span(), RangeOperators.OVERLAPS)],
        condition=Q(title="S"),
        deferrable=Deferrable.DEFERRED,
    ),
)
