from django.db import migrations, models


def write(field, value):
    def run(apps, schema_editor):
        for box in apps.get_model("archive", "Box").objects.order_by("pk"):
            setattr(box, field, value)
            box.save()

    return migrations.RunPython(run, migrations.RunPython.noop)


def create(apps, schema_editor):
    box = apps.get_model("archive", "Box").objects.first()
    type(box).objects.create(tenant_id=box.tenant_id, name="Made", size="3")


class Migration(migrations.Migration):
    """Each change of the table, and data written after each, in one transaction."""

    dependencies = [("archive", "0001_initial")]
    operations = [
        write("title", "Before"),
        migrations.RenameField("Box", "title", "name"),
        write("name", "Renamed"),
        migrations.AlterField("Box", "size", models.CharField(max_length=20, default="")),
        write("size", "2"),
        migrations.RemoveField("Box", "note"),
        write("name", "Without a note"),
        migrations.AddField("Box", "place", models.CharField(max_length=20, default="")),
        write("place", "Here"),
        migrations.RunPython(create, migrations.RunPython.noop),
    ]
