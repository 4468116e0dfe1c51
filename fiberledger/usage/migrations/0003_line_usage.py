from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

import fiberledger.tenancy.models
import fiberledger.tenancy.scope
from fiberledger.tenancy.operations import IsolateByTenant

WAKE = Path(__file__).parent.parent / "sql" / "wake.sql"
# Who takes an account away knows nothing of usage: its row goes with it.
GOES_ALONG = """
    ALTER TABLE usage_lineusage DROP CONSTRAINT usage_lineusage_account_id_of_tenant;
    ALTER TABLE usage_lineusage ADD CONSTRAINT usage_lineusage_account_id_of_tenant
      FOREIGN KEY (tenant_id, account_id) REFERENCES access_accessaccount (tenant_id, id) ON DELETE CASCADE;
    ALTER TABLE usage_lineusage SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0005_fair_use"),
        ("access", "0010_fresh_sessions"),
        ("tenancy", "0002_guard"),
        ("usage", "0002_guard"),
    ]

    operations = [
        migrations.CreateModel(
            name="LineUsage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("plan_id", models.BigIntegerField()),
                ("starts_on", models.DateField(verbose_name="period from")),
                ("ends_on", models.DateField(verbose_name="begins anew on")),
                ("used", models.BigIntegerField(verbose_name="used")),
                ("allowance", models.BigIntegerField(null=True, verbose_name="allowed")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("plain", "As the plan says"),
                            ("near", "Near its limit"),
                            ("over", "Beyond its limit"),
                            ("hours", "Hours of the day"),
                            ("slowed", "Slowed down"),
                            ("stopped", "Stopped"),
                            ("boosted", "Boosted"),
                        ],
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("download_kbps", models.PositiveIntegerField(null=True)),
                ("upload_kbps", models.PositiveIntegerField(null=True)),
                ("since", models.DateTimeField(verbose_name="since")),
                ("next_at", models.DateTimeField(null=True)),
                ("next_octets", models.BigIntegerField(null=True)),
                (
                    "account",
                    fiberledger.tenancy.models.TenantOneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="usage",
                        to="access.accessaccount",
                        verbose_name="account",
                    ),
                ),
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
                "verbose_name": "usage of a line",
                "verbose_name_plural": "usage",
                "indexes": [
                    models.Index(fields=["tenant", "used", "id"], name="line_usage_heaviest"),
                    models.Index(fields=["tenant", "state", "id"], name="line_usage_by_state"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["plain", "near", "over", "hours", "slowed", "stopped", "boosted"])
                        ),
                        name="line_usage_state_known",
                    ),
                    models.CheckConstraint(condition=models.Q(("used__gte", 0)), name="line_usage_never_falls"),
                ],
            },
        ),
        IsolateByTenant("LineUsage"),
        migrations.RunSQL([GOES_ALONG], migrations.RunSQL.noop),
        migrations.RunSQL([WAKE.read_text()], migrations.RunSQL.noop),
    ]
