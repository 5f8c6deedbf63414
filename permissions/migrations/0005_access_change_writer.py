"""Who wrote a row of the access log, and in which transaction. Old rows stay without, untouched:
a default that Django adds with the column would write all, and remake the table on SQLite."""

from django.db import migrations, models

import permissions.commits
import tenants.writers

COLUMNS = {"xid": "pg_current_xact_id()::text::bigint", "writer": "current_setting('application_name')"}


def set_defaults(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for column, value in COLUMNS.items():
            schema_editor.execute(
                f"ALTER TABLE permissions_accesschange ALTER COLUMN {column} SET DEFAULT {value}"
            )


class Migration(migrations.Migration):
    dependencies = [
        ("permissions", "0004_leave_numbering_to_the_capture"),
        ("tenants", "0005_revocations"),
    ]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField("accesschange", "xid", models.BigIntegerField(
                    null=True, db_default=permissions.commits.TransactionId()
                )),
                migrations.AddField("accesschange", "writer", models.CharField(
                    max_length=64, null=True, db_default=tenants.writers.CurrentWriter()
                )),
            ],
            database_operations=[
                migrations.AddField("accesschange", "xid", models.BigIntegerField(null=True)),
                migrations.AddField("accesschange", "writer", models.CharField(max_length=64, null=True)),
                migrations.RunPython(set_defaults, migrations.RunPython.noop),
            ],
        ),
        migrations.AddIndex("accesschange", models.Index(
            fields=["xid"], name="access_by_commit", condition=models.Q(xid__isnull=False)
        )),
        migrations.AddIndex("accesschange", models.Index(
            fields=["writer", "xid"], name="access_by_writer", condition=models.Q(writer__isnull=False)
        )),
    ]
