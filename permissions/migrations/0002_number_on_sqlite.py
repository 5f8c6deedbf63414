"""SQLite has no triggers at commit and needs none: its writers are serial, so each row is numbered at once."""

from django.db import migrations

CREATE = """
CREATE TRIGGER permissions_number_access_change
AFTER INSERT ON permissions_accesschange WHEN NEW.revision IS NULL
BEGIN
    INSERT INTO permissions_accessrevision (tenant_id, revision) VALUES (NEW.tenant_id, 1)
        ON CONFLICT (tenant_id) DO UPDATE SET revision = revision + 1;
    UPDATE permissions_accesschange SET revision = (
        SELECT revision FROM permissions_accessrevision WHERE tenant_id = NEW.tenant_id
    ) WHERE id = NEW.id;
END
"""
DROP = "DROP TRIGGER permissions_number_access_change"


def run_on_sqlite(sql):
    """A migration step that runs this statement on SQLite only."""

    def step(apps, schema_editor):
        if schema_editor.connection.vendor == "sqlite":
            schema_editor.execute(sql)

    return step


class Migration(migrations.Migration):
    dependencies = [("permissions", "0001_initial")]
    operations = [migrations.RunPython(run_on_sqlite(CREATE), run_on_sqlite(DROP))]
