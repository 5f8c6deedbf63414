"""A model with a constraint of each kind, within tenants and across them."""

from __future__ import annotations

from typing import Any

from django.db import connection, models

from tenants.models import Tenant, User

OF_POSTGRESQL: tuple[Any, ...] = ()
if connection.vendor == "postgresql":
    from tests.constrained.postgresql import OF_POSTGRESQL


def number() -> Any:
    return models.IntegerField(null=True)


class Booking(models.Model):
    """Something in a hotel. What has no name of its tenant is unique among all tenants."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    owner = models.ForeignKey(User, models.CASCADE, related_name="+")
    title = models.CharField(max_length=50, default="")
    code, key, room, seat, shelf, start = (number() for _ in range(6))
    low = models.IntegerField(default=0)
    high = models.IntegerField(default=9)
    secret = models.IntegerField(default=0)
    words = models.TextField(max_length=20_000, null=True)  # noqa: DJ001 - unique or none
    named = models.CharField(max_length=9, null=True)  # noqa: DJ001 - unique or none

    class Meta:
        app_label = "constrained"
        unique_together = (("tenant", "words"),)
        constraints = (
            *OF_POSTGRESQL,
            models.UniqueConstraint(
                fields=["tenant", "code"], include=["title"], name="constrained code"
            ),
            models.UniqueConstraint(
                fields=["key"], name="constrained_key", violation_error_message="It is taken: {key}"
            ),
            models.UniqueConstraint(
                fields=["tenant", "named"],
                opclasses=["int8_ops", "varchar_pattern_ops"],
                name="constrained_named",
            ),
            models.CheckConstraint(
                condition=models.Q(low__lte=models.F("high")),
                violation_error_code="low",
                name="constrained_low",
            ),
            models.CheckConstraint(
                condition=models.Q(start__gt=models.F("secret")), name="constrained-secret"
            ),
        )


MODELS: list[Any] = [Booking]
