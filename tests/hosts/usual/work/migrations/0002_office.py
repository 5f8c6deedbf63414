from django.db import migrations


def make(apps, schema_editor):
    apps.get_model("work", "Organization").objects.create(name="The office")


class Migration(migrations.Migration):
    dependencies = [("work", "0001_initial")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
