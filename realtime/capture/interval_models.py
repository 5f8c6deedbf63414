"""The rows that say who could see what, and for how long; the database's triggers write them.

They refer to users and objects by key, without constraints: the record outlives both.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.db import models
from django.db.models import Q

from tenants.keys import Key, KeyField, UserKeyField, read, spelled
from tenants.models import Tenant

ENDED: Final = Q(ended_at__isnull=False)
BY_COMMIT: Final = Q(ended_xid__isnull=False, tenant__isnull=False)


def principal_of(user_id: Key) -> str:
    """Return the name of a user as a principal."""
    return f"user:{spelled(user_id)}"


def user_of(principal: str) -> Key:
    """Return the user whom a principal's name names."""
    name = principal.removeprefix("user:")
    return read(name) if name[0] in "ut" else int(name)


class Interval(models.Model):
    """Something held from `began_at` until `ended_at`, and why it began and ended.

    `until` is the tenant's access revision, numbered as access changes are; `since` is no later
    than that of the beginning. Both are null for what belongs to no tenant. `source` names the
    table or the column, and `source_id` the row, that the interval comes from. `ended_xid` is the
    transaction that ended it, which corrects `until` as it commits; SQLite has none.
    """

    tenant: Any = models.ForeignKey(
        Tenant,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    source = models.CharField(max_length=130)
    source_id = KeyField()
    principal = models.CharField(max_length=300)
    since = models.BigIntegerField(null=True)
    until = models.BigIntegerField(null=True)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    began = models.CharField(max_length=32)
    ended = models.CharField(max_length=32, default="")
    ended_xid = models.BigIntegerField(null=True)

    class Meta:
        abstract = True


class Held(Interval):
    """A principal had a permission on an object; on every object, if `object_id` is null.

    `given_by` is the user who granted it, and `purpose` what for, if that is known.
    """

    model = models.CharField(max_length=100)
    object_id = KeyField(null=True)
    permission = models.CharField(max_length=100)
    given_by = UserKeyField(null=True)
    purpose = models.CharField(max_length=200, null=True)  # noqa: DJ001 - null: it is not known

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["model", "object_id"], name="earshot_held_by_object"),
            models.Index(
                fields=["tenant", "principal", "model", "object_id"],
                name="earshot_held_by_principal",
            ),
            models.Index(
                fields=["source", "source_id"], name="earshot_held_open", condition=Q(ended_at=None)
            ),
            models.Index(fields=["ended_xid"], name="earshot_held_by_commit", condition=BY_COMMIT),
            models.Index(fields=["ended_at"], name="earshot_held_by_end", condition=ENDED),
        ]


class Belongs(Interval):
    """A user belonged to a principal: to a role as an active member, or to a group.

    The principals `deactivated` (of a user) and `suspended` (of a tenant) deny them everything.
    """

    user_id = UserKeyField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user_id"], name="earshot_belongs_by_user"),
            models.Index(fields=["principal", "tenant"], name="earshot_belongs_by_principal"),
            models.Index(
                fields=["tenant"], name="earshot_belongs_to_all", condition=Q(user_id=None)
            ),
            models.Index(
                fields=["source", "source_id"],
                name="earshot_belongs_open",
                condition=Q(ended_at=None),
            ),
            models.Index(
                fields=["ended_xid"], name="earshot_belongs_by_commit", condition=BY_COMMIT
            ),
            models.Index(fields=["ended_at"], name="earshot_belongs_by_end", condition=ENDED),
        ]


class Replaced(models.Model):
    """A row that a statement on SQLite may be about to replace by another one: if it does, no
    trigger fires for it. It stays here until the next statement on its table if it was not.
    `source_id` is its key as it is stored."""

    source = models.CharField(max_length=130)
    source_id = models.TextField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["source", "source_id"], name="earshot_replaced_once")
        ]
