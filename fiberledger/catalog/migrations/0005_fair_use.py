import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import fiberledger.catalog.models
import fiberledger.tenancy.models
import fiberledger.tenancy.scope
from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0004_add_on"),
        ("places", "0002_guard"),
        ("tenancy", "0002_guard"),
    ]

    operations = [
        migrations.CreateModel(
            name="PlanHours",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "days",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(),
                        default=fiberledger.catalog.models.every_day,
                        size=None,
                        verbose_name="days",
                    ),
                ),
                (
                    "from_hour",
                    models.PositiveSmallIntegerField(
                        validators=[django.core.validators.MaxValueValidator(23)], verbose_name="from"
                    ),
                ),
                (
                    "to_hour",
                    models.PositiveSmallIntegerField(
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(24),
                        ],
                        verbose_name="to",
                    ),
                ),
                (
                    "download_kbps",
                    models.PositiveIntegerField(
                        blank=True, help_text="kbit/s; empty: the plan's", null=True, verbose_name="download"
                    ),
                ),
                (
                    "upload_kbps",
                    models.PositiveIntegerField(
                        blank=True, help_text="kbit/s; empty: the plan's", null=True, verbose_name="upload"
                    ),
                ),
                (
                    "plan",
                    fiberledger.tenancy.models.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="hours", to="catalog.plan"
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
                ("free", models.BooleanField(default=False, verbose_name="does not count toward the data limit")),
            ],
            options={
                "verbose_name": "hours of a plan",
                "verbose_name_plural": "hours of plans",
                "ordering": ["from_hour", "pk"],
            },
        ),
        migrations.AddField(
            model_name="plan",
            name="at_limit",
            field=models.CharField(
                choices=[
                    ("nothing", "Nothing; it is only counted"),
                    ("slow", "The line is slowed down"),
                    ("stop", "The line is stopped"),
                ],
                default="nothing",
                help_text="Until the next period begins, or data is added.",
                max_length=8,
                verbose_name="when the data is used up",
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="slow_download_kbps",
            field=models.PositiveIntegerField(
                blank=True, help_text="kbit/s", null=True, verbose_name="download after the limit"
            ),
        ),
        migrations.AddField(
            model_name="plan",
            name="slow_upload_kbps",
            field=models.PositiveIntegerField(
                blank=True, help_text="kbit/s", null=True, verbose_name="upload after the limit"
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(("at_limit__in", ["nothing", "slow", "stop"])), name="plan_at_limit_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("at_limit", "slow"), _negated=True),
                    ("slow_download_kbps__gt", 0),
                    ("slow_upload_kbps__gt", 0),
                    _connector="OR",
                ),
                name="plan_slow_has_a_speed",
            ),
        ),
        migrations.AddConstraint(
            model_name="planhours",
            constraint=models.CheckConstraint(
                condition=models.Q(("from_hour__lte", 23), ("to_hour__gte", 1), ("to_hour__lte", 24)),
                name="plan_hours_in_a_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="planhours",
            constraint=models.CheckConstraint(
                condition=models.Q(("free", True), ("download_kbps__gt", 0), ("upload_kbps__gt", 0), _connector="OR"),
                name="plan_hours_do_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="planhours",
            constraint=models.CheckConstraint(
                condition=models.Q(("days__contained_by", [0, 1, 2, 3, 4, 5, 6]), ("days__len__gte", 1)),
                name="plan_hours_on_days",
            ),
        ),
        IsolateByTenant("PlanHours"),
    ]
