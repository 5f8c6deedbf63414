from django.db import migrations

from tenants.keys import KeyField


class Migration(migrations.Migration):
    dependencies = [("earshot_tenants", "0005_of_everybody")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="source",
            field=KeyField(editable=False, null=True, unique=True),
        )
    ]
