"""What sockets could see by their windows, and when processes knew what they could.

Windows write nothing for each row. With the intervals of who holds what and who belongs to whom,
these rows say who could have had an object over a window, and when: see `seen_in_windows`. They
refer to users and objects by key, without constraints, as the ledger does.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet

from permissions.commits import TransactionId
from tenants.keys import UserKeyField
from tenants.models import Tenant


class Viewing(models.Model):
    """A socket had a window of a model: from when until when, and why it ended.

    It is written before the window's first row leaves. `where` is the window's filter, and
    `process` and `connection` are those of the socket.
    """

    tenant = models.ForeignKey(
        Tenant, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    user_id = UserKeyField()
    model = models.CharField(max_length=100)
    where = models.JSONField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended = models.CharField(max_length=32, default="")
    process = models.BigIntegerField()
    connection = models.CharField(max_length=32)
    xid = models.BigIntegerField(null=True, db_default=TransactionId())

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "began_at", "id"], name="earshot_viewing_by_time"),
            models.Index(
                fields=["tenant", "user_id", "began_at", "id"], name="earshot_viewing_by_user"
            ),
            models.Index(
                fields=["tenant", "model", "began_at", "id", "user_id"],
                name="earshot_viewing_by_model",
            ),
            models.Index(fields=["ended_at"], name="earshot_viewing_by_end"),
            models.Index(
                fields=["tenant", "user_id", "ended_at", "began_at"],
                name="earshot_viewing_by_user_end",
            ),
            models.Index(
                fields=["tenant", "model", "ended_at", "began_at", "user_id"],
                name="earshot_viewing_by_model_end",
            ),
            models.Index(
                fields=["process", "connection"],
                name="earshot_viewing_open",
                condition=Q(ended_at=None),
            ),
            models.Index(
                fields=["xid"], name="earshot_viewing_by_commit", condition=Q(xid__isnull=False)
            ),
        ]


class Applied(models.Model):
    """From this time on, a process with windows of a tenant showed nothing that was lost up to an
    access `revision`, and could show what was given up to another one, `read`.

    A row is written by each round that raised either, before anything of the round leaves.
    """

    tenant = models.ForeignKey(
        Tenant, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    process = models.BigIntegerField()
    revision = models.BigIntegerField()
    read = models.BigIntegerField()
    at = models.DateTimeField()
    xid = models.BigIntegerField(null=True, db_default=TransactionId())

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["tenant", "process", "revision", "id"], name="earshot_applied_revision"
            ),
            models.Index(fields=["tenant", "process", "read", "id"], name="earshot_applied_read"),
            models.Index(fields=["tenant", "process", "at", "id"], name="earshot_applied_at"),
            models.Index(fields=["at"], name="earshot_applied_by_age"),
            models.Index(
                fields=["xid"], name="earshot_applied_by_commit", condition=Q(xid__isnull=False)
            ),
        ]


WATCHING: Final = """
SELECT v.user_id FROM earshot_realtime_viewing v
WHERE v.tenant_id = %(tenant)s AND v.model = %(label)s AND v.ended_at IS NULL"""
"""Who has a window of a model open; rows of processes that were lost count until they are ended."""


def outdated(before: Any) -> QuerySet[Applied]:
    """Return the rows from before this time that nobody needs: a later one was written before it,
    too, or no viewing of the process is left."""
    of_process = {"tenant": OuterRef("tenant"), "process": OuterRef("process")}
    later = Applied.objects.filter(**of_process, pk__gt=OuterRef("pk"), at__lt=before)
    viewings = Viewing.objects.filter(tenant=OuterRef("tenant"), process=OuterRef("process"))
    return Applied.objects.filter(Exists(later) | ~Exists(viewings), at__lt=before)
