import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import fiberledger.tenancy.models
import fiberledger.tenancy.scope
from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0008_drift"),
        ("tenancy", "0002_guard"),
    ]

    operations = [
        migrations.AddField(
            model_name="nas",
            name="api_password",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="nas",
            name="api_port",
            field=models.PositiveIntegerField(
                default=8728,
                help_text="8728, or 8729 with TLS",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(65535),
                ],
                verbose_name="API port",
            ),
        ),
        migrations.AddField(
            model_name="nas",
            name="api_tls",
            field=models.BooleanField(default=False, verbose_name="API over TLS"),
        ),
        migrations.AddField(
            model_name="nas",
            name="api_username",
            field=models.CharField(
                blank=True,
                default="",
                help_text="A user on the router of our own. Empty: we ask it over RADIUS only.",
                max_length=64,
                verbose_name="API username",
            ),
        ),
        migrations.CreateModel(
            name="RouterReading",
            fields=[
                (
                    "nas",
                    fiberledger.tenancy.models.TenantOneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="reading",
                        serialize=False,
                        to="access.nas",
                    ),
                ),
                ("read_at", models.DateTimeField(verbose_name="read")),
                ("good_at", models.DateTimeField(null=True, verbose_name="last read with success")),
                ("problem", models.CharField(blank=True, default="", max_length=200, verbose_name="problem")),
                ("active", models.PositiveIntegerField(default=0, verbose_name="sessions on the router")),
                ("unreported", models.JSONField(default=list, verbose_name="sessions that were not reported")),
                ("ghosts", models.PositiveIntegerField(default=0, verbose_name="sessions that were over")),
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
                "verbose_name": "reading of a router",
            },
        ),
        IsolateByTenant("RouterReading"),
    ]
