import django.db.models.deletion
from django.db import migrations, models

import fiberledger.tenancy.scope
from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0007_one_index_less"),
        ("tenancy", "0002_guard"),
    ]

    operations = [
        migrations.CreateModel(
            name="Drift",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("session_key", models.UUIDField()),
                ("username", models.CharField(max_length=128, verbose_name="username")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("intruder", "Online, may not be"),
                            ("outside", "Belongs behind the wall"),
                            ("shut_in", "Behind the wall, may be out"),
                            ("speed", "Another speed"),
                            ("terms", "Another address or group"),
                        ],
                        max_length=10,
                        verbose_name="what is wrong",
                    ),
                ),
                ("has", models.CharField(max_length=16)),
                ("wants", models.CharField(max_length=16)),
                ("since", models.DateTimeField(verbose_name="since")),
                ("accepted_until", models.DateTimeField(null=True, verbose_name="accepted until")),
                ("accepted_by", models.CharField(default="", max_length=120, verbose_name="accepted by")),
                ("accepted_why", models.CharField(default="", max_length=200, verbose_name="why accepted")),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.accessaccount",
                        verbose_name="account",
                    ),
                ),
                (
                    "nas",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.nas",
                        verbose_name="router",
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
                "verbose_name": "drift",
                "verbose_name_plural": "drift",
                "indexes": [models.Index(fields=["tenant", "since", "id"], name="drift_by_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "session_key"), name="drift_once"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["intruder", "outside", "shut_in", "speed", "terms"])),
                        name="drift_kind_known",
                    ),
                ],
            },
        ),
        IsolateByTenant("Drift"),
    ]
