from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ("earshot_realtime", "0009_accesses_of_objects_by_end"),
    ]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="access",
            index=models.Index(
                fields=["tenant", "user_id", "ended_at"], name="earshot_access_by_user_end"
            ),
        ),
        migrations.AddIndex(
            model_name="viewing",
            index=models.Index(
                fields=["tenant", "user_id", "ended_at"], name="earshot_viewing_by_user_end"
            ),
        ),
        migrations.AddIndex(
            model_name="viewing",
            index=models.Index(
                fields=["tenant", "model", "ended_at"], name="earshot_viewing_by_model_end"
            ),
        ),
    ]
