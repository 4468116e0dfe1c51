
import django.db.models.deletion
import fiberledger.calendar.clock
import fiberledger.tenancy.scope
from fiberledger.tenancy.operations import IsolateByTenant
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenancy', '0002_guard'),
    ]

    operations = [
        migrations.CreateModel(
            name='DataKey',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('number', models.PositiveSmallIntegerField()),
                ('master', models.CharField(max_length=40)),
                ('wrapped', models.BinaryField()),
                ('created_at', models.DateTimeField(default=fiberledger.calendar.clock.now)),
                ('relocked_at', models.DateTimeField(null=True)),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, default=fiberledger.tenancy.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'number'), name='data_key_once')],
            },
        ),
        migrations.CreateModel(
            name='Kept',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=60, verbose_name='kind')),
                ('object_id', models.BigIntegerField()),
                ('label', models.CharField(max_length=200, verbose_name='of')),
                ('changed_at', models.DateTimeField(verbose_name='last changed')),
                ('seen_at', models.DateTimeField(null=True, verbose_name='last looked at')),
                ('seen_by', models.CharField(blank=True, default='', max_length=200, verbose_name='by')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, default=fiberledger.tenancy.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.tenant')),
            ],
            options={
                'verbose_name': 'secret',
                'verbose_name_plural': 'secrets',
                'indexes': [models.Index(fields=['tenant', 'changed_at', 'id'], name='kept_by_age'), models.Index(fields=['tenant', 'label', 'id'], name='kept_by_label')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'kind', 'object_id'), name='kept_once')],
            },
        ),
        migrations.CreateModel(
            name='Look',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=60, verbose_name='kind')),
                ('object_id', models.BigIntegerField()),
                ('label', models.CharField(max_length=200, verbose_name='of')),
                ('user_id', models.BigIntegerField(null=True)),
                ('who', models.CharField(max_length=200, verbose_name='who')),
                ('reason', models.CharField(max_length=200, verbose_name='why')),
                ('at', models.DateTimeField(default=fiberledger.calendar.clock.now, verbose_name='at')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, default=fiberledger.tenancy.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.tenant')),
            ],
            options={
                'verbose_name': 'look at a secret',
                'verbose_name_plural': 'looks at secrets',
                'indexes': [models.Index(fields=['tenant', '-id'], name='looks_newest'), models.Index(fields=['tenant', 'at'], name='looks_by_time')],
            },
        ),
        migrations.CreateModel(
            name='VaultPolicy',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('days', models.JSONField(default=dict)),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, default=fiberledger.tenancy.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.tenant')),
            ],
            options={
                'verbose_name': 'secrets policy',
                'constraints': [models.UniqueConstraint(fields=('tenant',), name='vault_policy_once')],
            },
        ),
        IsolateByTenant("DataKey", "Kept", "Look", "VaultPolicy"),
    ]
