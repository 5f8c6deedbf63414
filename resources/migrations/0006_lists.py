"""Lists are read in the order of keys, from the tenant's rows or those of an owner."""

from typing import ClassVar

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("resources", "0005_derived_defaults"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.AddIndex(
            "document", models.Index(fields=["tenant", "id"], name="document_listed")
        ),
        migrations.AddIndex(
            "document",
            models.Index(fields=["tenant", "owner", "id"], name="document_listed_by_owner"),
        ),
        migrations.AddIndex(
            "profile", models.Index(fields=["tenant", "id"], name="profile_listed")
        ),
    ]
