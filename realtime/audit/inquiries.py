"""The record of who asked the review who saw what: asking is recorded, too."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from tenants.keys import UserKeyField
from tenants.models import Tenant


class Inquiry(models.Model):
    """Somebody asked who saw something, or what somebody saw; `user_id` is null for the operator.

    `asked` holds the names and ids as they were asked for, and no values.
    """

    tenant = models.ForeignKey(
        Tenant, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)
    user_id = UserKeyField(null=True)
    what = models.CharField(max_length=16)
    asked = models.JSONField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["at"], name="earshot_inquiry_by_age"),
        ]


def record(tenant_id: int, user_id: int | None, what: str, asked: dict[str, Any]) -> None:
    """Record this question; call it before answering."""
    told = {name: str(value) for name, value in asked.items() if value is not None}
    Inquiry.objects.create(tenant_id=tenant_id, user_id=user_id, what=what, asked=told)
