from django.db import migrations


def write(apps, schema_editor):
    apps.get_model("archive", "Box").objects.update(place="There")


class Migration(migrations.Migration):
    dependencies = [("archive", "0002_everything")]
    operations = [migrations.RunPython(write, migrations.RunPython.noop)]
