"""Texts have bounds, of which the database knows nothing: longer ones that it holds stay."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("resources", "0003_default_managers")]

    operations = [
        # SQLite would copy both tables.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "document",
                    "body",
                    models.TextField(blank=True, default="", max_length=100_000),
                ),
                migrations.AlterField(
                    "document",
                    "review_notes",
                    models.TextField(blank=True, default="", max_length=100_000),
                ),
                migrations.AlterField(
                    "profile",
                    "bio",
                    models.TextField(blank=True, default="", max_length=2_000),
                ),
            ]
        )
    ]
