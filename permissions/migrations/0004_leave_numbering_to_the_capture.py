"""The triggers that numbered access changes go; those of `realtime.capture` come after `migrate`."""

from django.db import migrations

OLD = {
    "postgresql": [
        "DROP TRIGGER IF EXISTS pgtrigger_number_at_commit_74db9 ON permissions_accesschange",
        "DROP FUNCTION IF EXISTS pgtrigger_number_at_commit_74db9()",
    ],
    "sqlite": ["DROP TRIGGER IF EXISTS permissions_number_access_change"],
}


def drop(apps, schema_editor):
    for statement in OLD.get(schema_editor.connection.vendor, []):
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("permissions", "0003_number_at_commit_once")]
    operations = [migrations.RunPython(drop, migrations.RunPython.noop)]
