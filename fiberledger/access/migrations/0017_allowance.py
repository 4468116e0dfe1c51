import django.db.models.deletion
from django.db import migrations, models

import fiberledger.tenancy.models
import fiberledger.tenancy.scope
from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0016_pools_and_fixed_addresses"),
        ("tenancy", "0002_guard"),
    ]

    operations = [
        migrations.CreateModel(
            name="Allowance",
            fields=[
                (
                    "account",
                    fiberledger.tenancy.models.TenantOneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="allowance",
                        serialize=False,
                        to="access.accessaccount",
                    ),
                ),
                ("stop", models.BooleanField(default=False)),
                ("download_kbps", models.PositiveIntegerField(null=True)),
                ("upload_kbps", models.PositiveIntegerField(null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        default=fiberledger.tenancy.scope.current_tenant_id,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        IsolateByTenant("Allowance"),
    ]
