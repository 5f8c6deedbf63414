"""The ledger's rows: which processes live, which sockets they have, who saw what, over sockets and
over REST, what was pushed.

They refer to users and objects by key, without constraints: the ledger outlives both.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import models

from permissions.commits import TransactionId
from tenants.keys import KeyField, UserKeyField
from tenants.models import Tenant

MINUTE: Final = timedelta(minutes=1)


class Process(models.Model):
    """One hub: it writes heartbeats while it lives; when they stop, its sockets count as lost."""

    started_at = models.DateTimeField(auto_now_add=True)
    beat_at = models.DateTimeField()


class Connection(models.Model):
    """One socket that is open now, by the id in its WELCOME.

    `kind` and `key` name its credential as `tenants.credentials` does; `closing` asks its process
    to close it.
    """

    id = models.CharField(max_length=32, primary_key=True)
    process = models.ForeignKey(Process, models.CASCADE, related_name="+")
    tenant = models.ForeignKey(
        Tenant, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    user_id = UserKeyField()
    since = models.DateTimeField()
    address = models.CharField(max_length=64)
    agent = models.CharField(max_length=200)
    kind = models.CharField(max_length=8)
    key = models.CharField(max_length=128)
    closing = models.BooleanField(default=False)
    transport = models.CharField(max_length=8, db_default="socket")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "-since", "id"], name="earshot_connection_newest"),
            models.Index(fields=["user_id"], name="earshot_connection_by_user"),
        ]


class Watch(models.Model):
    """A process has windows of a model of a tenant: publishers tell its group of each object."""

    process = models.ForeignKey(Process, models.CASCADE, related_name="+")
    tenant = models.ForeignKey(
        Tenant, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    model = models.CharField(max_length=100)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "model"], name="earshot_watch_by_model"),
        ]


class Access(models.Model):
    """A user had a live copy of an object in one audience during a time, and why.

    `cause` says why it began and, once it has an end, why it ended. `process` and `connection` are
    those of the socket. `xid` is the transaction that wrote it last, by which the chain reads it.
    """

    over: ClassVar = "socket"

    tenant = models.ForeignKey(
        Tenant, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    user_id = UserKeyField()
    model = models.CharField(max_length=100)
    object_id = KeyField()
    audience = models.CharField(max_length=32)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    began = models.CharField(max_length=32)
    ended = models.CharField(max_length=32, default="")
    process = models.BigIntegerField()
    connection = models.CharField(max_length=32)
    xid = models.BigIntegerField(null=True, db_default=TransactionId())

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "began_at", "id"], name="earshot_access_by_time"),
            models.Index(
                fields=["tenant", "user_id", "began_at", "id"], name="earshot_access_by_user"
            ),
            models.Index(
                # The audience is compared in the index: that of few among many.
                fields=["tenant", "model", "object_id", "began_at", "id", "audience"],
                name="earshot_access_by_object",
            ),
            models.Index(
                fields=["tenant", "audience", "began_at", "id"], name="earshot_access_by_audience"
            ),
            models.Index(fields=["ended_at"], name="earshot_access_by_end"),
            models.Index(
                fields=["tenant", "model", "object_id", "ended_at", "began_at", "audience"],
                name="earshot_access_by_object_end",
            ),
            models.Index(
                fields=["tenant", "user_id", "ended_at", "began_at"],
                name="earshot_access_by_user_end",
            ),
            models.Index(
                fields=["process", "connection"],
                name="earshot_access_open",
                condition=models.Q(ended_at=None),
            ),
            models.Index(
                fields=["xid"],
                name="earshot_ledger_by_commit",
                condition=models.Q(xid__isnull=False),
            ),
        ]


class Read(models.Model):
    """A user was answered with an object over REST, as one audience, at least once in a minute.

    Only of tenants with `record_reads`.
    """

    over: ClassVar = "rest"

    tenant = models.ForeignKey(
        Tenant, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    user_id = UserKeyField()
    model = models.CharField(max_length=100)
    object_id = KeyField()
    audience = models.CharField(max_length=32)
    minute = models.DateTimeField()
    xid = models.BigIntegerField(null=True, db_default=TransactionId())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["tenant", "model", "object_id", "minute", "user_id", "audience"],
                name="earshot_read_once_a_minute",
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "user_id", "minute", "id"], name="earshot_read_by_user"),
            models.Index(fields=["minute"], name="earshot_read_by_age"),
            models.Index(
                fields=["xid"], name="earshot_read_by_commit", condition=models.Q(xid__isnull=False)
            ),
        ]

    @property
    def began_at(self) -> datetime:
        """Return when the minute began."""
        return self.minute

    @property
    def ended_at(self) -> datetime:
        """Return when the minute ended."""
        return self.minute + MINUTE


class Push(models.Model):
    """A version of an object as one audience was sent it; with the payload only if configured."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)
    model = models.CharField(max_length=100)
    object_id = KeyField()
    audience = models.CharField(max_length=32)
    version = models.BigIntegerField()
    fields = models.JSONField()
    etag = models.CharField(max_length=32)
    size = models.IntegerField()
    payload = models.TextField(null=True)  # noqa: DJ001 - null: it was not recorded
    xid = models.BigIntegerField(null=True, db_default=TransactionId())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["tenant", "model", "object_id", "audience", "version"],
                name="earshot_pushed_once",
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "at", "id"], name="earshot_push_by_time"),
            models.Index(
                fields=["tenant", "model", "object_id", "at", "id"], name="earshot_push_by_object"
            ),
            models.Index(
                fields=["tenant", "audience", "at", "id"], name="earshot_push_by_audience"
            ),
            models.Index(fields=["etag"], name="earshot_push_by_etag"),
            models.Index(fields=["at"], name="earshot_push_by_age"),
            models.Index(
                fields=["xid"], name="earshot_push_by_commit", condition=models.Q(xid__isnull=False)
            ),
        ]


class ChainEntry(models.Model):
    """One link of a tenant's chain, which seals a fact of a row: see `chain.Entry`."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    sequence = models.BigIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=20)
    row = models.BigIntegerField()
    how = models.CharField(max_length=8, default="")
    seal = models.BinaryField()
    digest = models.BinaryField()
    key = models.CharField(max_length=8)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["tenant", "sequence"], name="earshot_chain_sequence"),
            models.UniqueConstraint(fields=["kind", "row", "tenant"], name="earshot_chained_once"),
        ]


class ChainHead(models.Model):
    """The end of a tenant's chain: whoever extends or prunes the chain locks this row."""

    tenant = models.OneToOneField(
        Tenant, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="+"
    )
    sequence = models.BigIntegerField()
    digest = models.BinaryField()
    key = models.CharField(max_length=8)


class ChainPosition(models.Model):
    """How far the ledger has been chained, in a single row: `marks` by kind, as of the look `at`.

    `claimed_at` is when a process last was at work, so that the others need not be.
    """

    at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField()
    marks = models.JSONField(default=dict)
