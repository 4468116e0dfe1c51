import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import fiberledger.calendar.clock
import fiberledger.tenancy.models
import fiberledger.tenancy.scope
from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0012_signing_and_ipv6"),
        ("places", "0002_guard"),
        ("tenancy", "0002_guard"),
    ]

    operations = [
        migrations.AddField(
            model_name="nas",
            name="capacity",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="What it carries well. At 80 % it is on the engineer's worklist.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="sessions at most",
            ),
        ),
        migrations.AddField(
            model_name="nas",
            name="certificate",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="nas",
            name="certificate_offered",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
        migrations.CreateModel(
            name="Pop",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("address", models.CharField(blank=True, default="", max_length=200, verbose_name="address")),
                (
                    "latitude",
                    models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        max_digits=9,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(-90),
                            django.core.validators.MaxValueValidator(90),
                        ],
                        verbose_name="latitude",
                    ),
                ),
                (
                    "longitude",
                    models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        max_digits=9,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(-180),
                            django.core.validators.MaxValueValidator(180),
                        ],
                        verbose_name="longitude",
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=200, verbose_name="note")),
                ("created_at", models.DateTimeField(default=fiberledger.calendar.clock.now, editable=False)),
                (
                    "area",
                    fiberledger.tenancy.models.TenantForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="places.area",
                        verbose_name="area",
                    ),
                ),
                (
                    "branch",
                    fiberledger.tenancy.models.TenantForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="places.branch",
                        verbose_name="branch",
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
                "verbose_name": "point of presence",
                "verbose_name_plural": "points of presence",
                "ordering": ["name"],
            },
        ),
        migrations.AddField(
            model_name="nas",
            name="pop",
            field=fiberledger.tenancy.models.TenantForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="access.pop",
                verbose_name="point of presence",
            ),
        ),
        migrations.CreateModel(
            name="RouterEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("down", "Not reached"),
                            ("up", "Reached again"),
                            ("denied", "Refuses our API password"),
                            ("certificate", "Shows another certificate"),
                        ],
                        max_length=12,
                        verbose_name="what",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="at")),
                ("note", models.CharField(blank=True, default="", max_length=200, verbose_name="note")),
                (
                    "nas",
                    fiberledger.tenancy.models.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
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
                "verbose_name": "router event",
                "verbose_name_plural": "router events",
            },
        ),
        migrations.CreateModel(
            name="RouterProbe",
            fields=[
                (
                    "nas",
                    fiberledger.tenancy.models.TenantOneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="probe",
                        serialize=False,
                        to="access.nas",
                    ),
                ),
                ("asked_at", models.DateTimeField(null=True)),
                ("probed_at", models.DateTimeField(null=True, verbose_name="last probe")),
                ("answered_at", models.DateTimeField(null=True, verbose_name="last answer")),
                ("failures", models.PositiveIntegerField(default=0)),
                ("failing_since", models.DateTimeField(null=True)),
                ("up", models.BooleanField(null=True, verbose_name="reached")),
                ("since", models.DateTimeField(null=True, verbose_name="since")),
                ("millis", models.PositiveIntegerField(null=True, verbose_name="answers within")),
                ("problem", models.CharField(blank=True, default="", max_length=200, verbose_name="problem")),
                ("denied", models.PositiveIntegerField(default=0)),
                (
                    "commands",
                    models.CharField(blank=True, default="", max_length=120, verbose_name="answer to a command"),
                ),
                ("cpu", models.PositiveSmallIntegerField(null=True, verbose_name="processor")),
                ("memory", models.PositiveSmallIntegerField(null=True, verbose_name="memory in use")),
                ("uptime_seconds", models.BigIntegerField(null=True, verbose_name="running for")),
                ("version", models.CharField(blank=True, default="", max_length=40, verbose_name="version")),
                ("board", models.CharField(blank=True, default="", max_length=60, verbose_name="board")),
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
                "verbose_name": "probe of a router",
            },
        ),
        migrations.AddConstraint(
            model_name="pop",
            constraint=models.UniqueConstraint(
                fields=("tenant", "name"),
                name="pop_name_once",
                violation_error_message="Another point of presence has this name.",
            ),
        ),
        migrations.AddIndex(
            model_name="routerevent",
            index=models.Index(fields=["tenant", "nas", "-id"], name="router_event_of_nas"),
        ),
        migrations.AddConstraint(
            model_name="routerevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["down", "up", "denied", "certificate"])),
                name="router_event_kind_known",
            ),
        ),
        IsolateByTenant("Pop", "Nas", "RouterEvent", "RouterProbe"),
    ]
