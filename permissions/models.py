"""The guarded object, guardian's direct permission tables, and the access log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from permissions.bounds import beyond
from permissions.commits import TransactionId
from permissions.holders import GuardedQuerySet
from permissions.versions import VersionField
from tenants.keys import KeyField, UserKeyField
from tenants.models import Tenant
from tenants.scoping import TenantOwned, UnscopedManager
from tenants.writers import CurrentWriter


class Guarded(TenantOwned):
    """A tenant's object that audiences read; `version` counts its changes and never decreases."""

    version = VersionField(default=0, editable=False)

    unreadable: frozenset[str] = frozenset()
    """The columns whose stored values are invalid for their fields: see `loading`."""

    objects: ClassVar[Any] = GuardedQuerySet.as_manager()
    unscoped: ClassVar[Any] = UnscopedManager.from_queryset(GuardedQuerySet)()

    class Meta(TenantOwned.Meta):
        abstract = True

    def clean_fields(self, exclude: Iterable[str] | None = None) -> None:
        """Run Django's validation, and check the bounds of texts and JSON, which Django leaves to
        forms."""
        excluded = set(exclude or ())
        super().clean_fields(excluded)
        columns = [c for c in self._meta.concrete_fields if c.name not in excluded]
        wrong = {c.name: beyond(c, getattr(self, c.attname)) for c in columns}
        if any(wrong.values()):
            raise ValidationError({name: reasons for name, reasons in wrong.items() if reasons})


class Attributed(models.Model):
    """A permission row that records who granted it, when and what for, if it came through the
    API."""

    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    granted_at = models.DateTimeField(null=True)
    purpose = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        abstract = True


class UserGrant(Attributed, UserObjectPermissionBase):
    """A user's permission on one object; subclass it with a `content_object` foreign key."""

    class Meta(UserObjectPermissionBase.Meta):
        abstract = True


class GroupGrant(Attributed, GroupObjectPermissionBase):
    """A group's permission on one object; subclass it with a `content_object` foreign key."""

    class Meta(GroupObjectPermissionBase.Meta):
        abstract = True


class ObjectVersion(models.Model):
    """The version of an object whose model has no column for it (see `stored`).

    The triggers write it together with the change that it counts, and delete it with the object.
    """

    model = models.CharField(max_length=100)
    object_id = KeyField()
    version = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["model", "object_id"], name="earshot_one_version")
        ]


class AccessRevision(models.Model):
    """The number of transactions that changed access in a tenant; no row means none yet.

    The database writes it when a transaction with AccessChange rows commits, so ordinary writes do
    not wait for it, and revisions become visible in commit order, without gaps.
    """

    tenant = models.OneToOneField(
        Tenant, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="+"
    )
    revision = models.BigIntegerField()


class AccessChange(models.Model):
    """Somebody may see more or less: a user, an object, a user on an object, or the whole tenant.

    Never a group, which may be empty by the time it is read. Until the transaction commits,
    `revision` is what is expected, or null. `xid` is the transaction, by which the log is read, and
    `writer` the process; SQLite has neither.
    """

    tenant = models.ForeignKey(
        Tenant,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    revision = models.BigIntegerField(null=True)
    user_id = UserKeyField(null=True)
    model = models.CharField(max_length=100, null=True)  # noqa: DJ001 - null: not about an object
    object_id = KeyField(null=True)
    cause = models.CharField(max_length=32)
    xid = models.BigIntegerField(null=True, db_default=TransactionId())
    writer = models.CharField(max_length=64, null=True, db_default=CurrentWriter())  # noqa: DJ001 - null: SQLite has none
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "revision"], name="earshot_access_by_revision"),
            models.Index(
                fields=["xid"],
                name="earshot_access_by_commit",
                condition=models.Q(xid__isnull=False),
            ),
            models.Index(
                fields=["writer", "xid"],
                name="earshot_access_by_writer",
                condition=models.Q(writer__isnull=False),
            ),
        ]
