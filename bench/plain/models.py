"""The documents, their grants and users' groups as any Django project has them.

Their tables are copies of Earshot's without the triggers: see `tables`.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase


class Document(models.Model):
    tenant = models.ForeignKey("earshot_tenants.Tenant", models.CASCADE, related_name="+")
    version = models.BigIntegerField(default=0)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    title = models.CharField(max_length=200)
    body = models.TextField(max_length=100_000, default="", blank=True)
    status = models.CharField(max_length=16, default="draft")
    review_notes = models.TextField(max_length=100_000, default="", blank=True)
    due_on = models.DateField(null=True, blank=True)
    budget = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "plain"
        managed = False
        db_table = "plain_document"


class Attributed(models.Model):
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    granted_at = models.DateTimeField(null=True)
    purpose = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        abstract = True


class DocumentUserGrant(Attributed, UserObjectPermissionBase):
    content_object = models.ForeignKey(Document, models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        app_label = "plain"
        managed = False
        db_table = "plain_documentusergrant"


class DocumentGroupGrant(Attributed, GroupObjectPermissionBase):
    content_object = models.ForeignKey(Document, models.CASCADE)

    class Meta(GroupObjectPermissionBase.Meta):
        app_label = "plain"
        managed = False
        db_table = "plain_documentgroupgrant"


class User(models.Model):
    """A copied user; only their groups are written."""

    username = models.CharField(max_length=150)
    groups = models.ManyToManyField(
        "auth.Group", related_name="plain_users", db_table="plain_user_groups"
    )

    class Meta:
        app_label = "plain"
        managed = False
        db_table = "plain_user"
