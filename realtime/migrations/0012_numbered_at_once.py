from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ('earshot_realtime', '0011_who_saw_by_index'),
    ]

    operations: ClassVar = [
        migrations.RemoveIndex(
            model_name='belongs',
            name='earshot_belongs_unnumbered',
        ),
        migrations.RemoveIndex(
            model_name='held',
            name='earshot_held_unnumbered',
        ),
        migrations.AddField(
            model_name='belongs',
            name='ended_xid',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='held',
            name='ended_xid',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name='belongs',
            index=models.Index(condition=models.Q(('ended_xid__isnull', False), ('tenant__isnull', False)), fields=['ended_xid'], name='earshot_belongs_by_commit'),
        ),
        migrations.AddIndex(
            model_name='held',
            index=models.Index(condition=models.Q(('ended_xid__isnull', False), ('tenant__isnull', False)), fields=['ended_xid'], name='earshot_held_by_commit'),
        ),
    ]
