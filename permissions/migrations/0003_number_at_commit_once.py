"""Did what the capture does now: see `realtime.capture` and 0004."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("permissions", "0002_number_on_sqlite")]
    operations = []
