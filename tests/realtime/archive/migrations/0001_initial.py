from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [("earshot_tenants", "0001_initial")]
    operations = [
        migrations.CreateModel(
            "Box",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                # PostgreSQL alters no table for which a foreign key is still to be checked.
                (
                    "tenant",
                    models.ForeignKey(
                        "earshot_tenants.Tenant", models.CASCADE, related_name="+", db_constraint=False
                    ),
                ),
                ("version", models.BigIntegerField(default=0)),
                ("title", models.CharField(max_length=20)),
                ("size", models.IntegerField(default=0)),
                ("note", models.TextField(default="")),
            ],
        )
    ]
