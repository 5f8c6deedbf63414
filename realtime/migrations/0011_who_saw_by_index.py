from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [
        ('earshot_realtime', '0010_accesses_of_users_by_end'),
    ]

    operations: ClassVar = [
        migrations.RemoveIndex(
            model_name='access',
            name='earshot_access_by_object',
        ),
        migrations.RemoveIndex(
            model_name='access',
            name='earshot_access_by_object_end',
        ),
        migrations.RemoveIndex(
            model_name='access',
            name='earshot_access_by_user_end',
        ),
        migrations.RemoveIndex(
            model_name='viewing',
            name='earshot_viewing_by_model',
        ),
        migrations.RemoveIndex(
            model_name='viewing',
            name='earshot_viewing_by_user_end',
        ),
        migrations.RemoveIndex(
            model_name='viewing',
            name='earshot_viewing_by_model_end',
        ),
        migrations.AddIndex(
            model_name='access',
            index=models.Index(fields=['tenant', 'model', 'object_id', 'began_at', 'id', 'audience'], name='earshot_access_by_object'),
        ),
        migrations.AddIndex(
            model_name='access',
            index=models.Index(fields=['tenant', 'model', 'object_id', 'ended_at', 'began_at', 'audience'], name='earshot_access_by_object_end'),
        ),
        migrations.AddIndex(
            model_name='access',
            index=models.Index(fields=['tenant', 'user_id', 'ended_at', 'began_at'], name='earshot_access_by_user_end'),
        ),
        migrations.AddIndex(
            model_name='belongs',
            index=models.Index(fields=['principal', 'tenant'], name='earshot_belongs_by_principal'),
        ),
        migrations.AddIndex(
            model_name='push',
            index=models.Index(fields=['etag'], name='earshot_push_by_etag'),
        ),
        migrations.AddIndex(
            model_name='viewing',
            index=models.Index(fields=['tenant', 'model', 'began_at', 'id', 'user_id'], name='earshot_viewing_by_model'),
        ),
        migrations.AddIndex(
            model_name='viewing',
            index=models.Index(fields=['tenant', 'user_id', 'ended_at', 'began_at'], name='earshot_viewing_by_user_end'),
        ),
        migrations.AddIndex(
            model_name='viewing',
            index=models.Index(fields=['tenant', 'model', 'ended_at', 'began_at', 'user_id'], name='earshot_viewing_by_model_end'),
        ),
    ]
