from django.db import models


class Permission(models.Model):
    """A tenant may park at this place."""

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="permissions")
    place = models.CharField(max_length=8, unique=True)

    def __str__(self):
        return self.place
