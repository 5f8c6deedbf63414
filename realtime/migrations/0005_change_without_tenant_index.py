"""No index of a change's tenant alone: nothing reads by it, and each write would pay for it."""

import django.db.models.deletion
from django.db import migrations, models


def drop_index(apps, schema_editor):
    table = "realtime_change"
    with schema_editor.connection.cursor() as cursor:
        found = schema_editor.connection.introspection.get_constraints(cursor, table)
    for name, constraint in found.items():
        if constraint["index"] and constraint["columns"] == ["tenant_id"]:
            schema_editor.execute(f"DROP INDEX {schema_editor.quote_name(name)}")


class Migration(migrations.Migration):
    dependencies = [("realtime", "0004_connection_by_user")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("change", "tenant", models.ForeignKey(
                    db_constraint=False, db_index=False, related_name="+", to="tenants.tenant",
                    on_delete=django.db.models.deletion.DO_NOTHING,
                )),
            ],
            database_operations=[migrations.RunPython(drop_index, migrations.RunPython.noop)],
        ),
    ]
