"""What `manage.py demo` created, so that it never touches anything else."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from tenants.models import Tenant


class DemoAccount(models.Model):
    """A user the demo created. Only the demo writes these rows, so nobody can fake one."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"demo: {self.pk}"


class DemoTenant(models.Model):
    """A tenant the demo created."""

    tenant = models.OneToOneField(Tenant, models.CASCADE, primary_key=True, related_name="+")

    def __str__(self) -> str:
        return f"demo: {self.pk}"
