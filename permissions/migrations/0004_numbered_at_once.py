from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ('earshot_permissions', '0003_versions_beside'),
        ('earshot_tenants', '0001_initial'),
    ]

    operations: ClassVar = [
        migrations.RemoveIndex(
            model_name='accesschange',
            name='earshot_access_unnumbered',
        ),
        migrations.AlterField(
            model_name='accesschange',
            name='tenant',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='earshot_tenants.tenant'),
        ),
    ]
