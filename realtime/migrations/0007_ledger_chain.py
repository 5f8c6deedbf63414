"""The ledger's chain, and by which transaction its rows were written.

The column has no default when it is added: else PostgreSQL would write every row anew.
"""

import django.db.models.deletion
import permissions.commits
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('realtime', '0006_intervals'),
        ('tenants', '0008_deleting_since'),
    ]

    operations = [
        migrations.CreateModel(
            name='ChainEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
                ('sequence', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(max_length=20)),
                ('row', models.BigIntegerField()),
                ('how', models.CharField(default='', max_length=8)),
                ('seal', models.BinaryField()),
                ('digest', models.BinaryField()),
                ('key', models.CharField(max_length=8)),
            ],
        ),
        migrations.CreateModel(
            name='ChainHead',
            fields=[
                ('tenant', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='+', serialize=False, to='tenants.tenant')),
                ('sequence', models.BigIntegerField()),
                ('digest', models.BinaryField()),
                ('key', models.CharField(max_length=8)),
            ],
        ),
        migrations.CreateModel(
            name='ChainPosition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(null=True)),
                ('claimed_at', models.DateTimeField()),
                ('marks', models.JSONField(default=dict)),
            ],
        ),
        migrations.AddField(
            model_name='access',
            name='xid',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name='access',
            name='xid',
            field=models.BigIntegerField(db_default=permissions.commits.TransactionId(), null=True),
        ),
        migrations.AddField(
            model_name='push',
            name='xid',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name='push',
            name='xid',
            field=models.BigIntegerField(db_default=permissions.commits.TransactionId(), null=True),
        ),
        migrations.AddIndex(
            model_name='access',
            index=models.Index(condition=models.Q(('xid__isnull', False)), fields=['xid'], name='ledger_access_by_commit'),
        ),
        migrations.AddIndex(
            model_name='push',
            index=models.Index(condition=models.Q(('xid__isnull', False)), fields=['xid'], name='push_by_commit'),
        ),
        migrations.AddConstraint(
            model_name='chainentry',
            constraint=models.UniqueConstraint(fields=('tenant', 'sequence'), name='chain_sequence'),
        ),
        migrations.AddConstraint(
            model_name='chainentry',
            constraint=models.UniqueConstraint(fields=('kind', 'row', 'tenant'), name='chained_once'),
        ),
    ]
