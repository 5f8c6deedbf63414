from django.conf import settings
from django.db import models


class Tenant(models.Model):
    """Who rents a flat."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="memberships"
    )
    flat = models.PositiveIntegerField(unique=True)
    rent = models.DecimalField(max_digits=8, decimal_places=2)

    def __str__(self):
        return f"the tenant of flat {self.flat}"
