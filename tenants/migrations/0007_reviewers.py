from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0006_follow_whoever_writes'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='membership',
            name='known_role',
        ),
        migrations.AlterField(
            model_name='membership',
            name='role',
            field=models.CharField(choices=[('admin', 'Admin'), ('reviewer', 'Reviewer'), ('member', 'Member')], default='member', max_length=16),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['admin', 'reviewer', 'member'])), name='known_role'),
        ),
    ]
