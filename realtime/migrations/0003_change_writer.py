"""Who wrote a change. Old rows stay without, untouched: a default that Django adds with the column
would write all, and remake the table on SQLite. The log is read by transaction for all tenants."""

from django.db import migrations, models

import tenants.writers


def set_default(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE realtime_change"
            " ALTER COLUMN writer SET DEFAULT current_setting('application_name')"
        )


class Migration(migrations.Migration):
    dependencies = [("realtime", "0002_ledger"), ("tenants", "0005_revocations")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField("change", "writer", models.CharField(
                    max_length=64, null=True, db_default=tenants.writers.CurrentWriter()
                )),
            ],
            database_operations=[
                migrations.AddField("change", "writer", models.CharField(max_length=64, null=True)),
                migrations.RunPython(set_default, migrations.RunPython.noop),
            ],
        ),
        migrations.RemoveIndex("change", "change_by_horizon"),
        migrations.AddIndex("change", models.Index(fields=["xid"], name="change_by_commit")),
        migrations.AddIndex("change", models.Index(
            fields=["writer", "xid"], name="change_by_writer", condition=models.Q(writer__isnull=False)
        )),
    ]
