"""What `manage.py demo` made, so that it never touches what it did not make."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from tenants.models import Tenant


class DemoAccount(models.Model):
    """A user whom the demo made. Only the demo writes these rows, so nobody can pass for one."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"the demo's: {self.pk}"


class DemoTenant(models.Model):
    """A tenant that the demo made."""

    tenant = models.OneToOneField(Tenant, models.CASCADE, primary_key=True, related_name="+")

    def __str__(self) -> str:
        return f"the demo's: {self.pk}"
