from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("realtime", "0003_change_writer")]
    operations = [
        migrations.AddIndex("connection", models.Index(fields=["user_id"], name="connection_by_user")),
    ]
