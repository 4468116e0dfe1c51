from pathlib import Path

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import fiberledger.tenancy.scope
from fiberledger.tenancy.operations import IsolateByTenant

SQL = Path(__file__).parent.parent / "sql"
OF_FREERADIUS = ("radius_shut_out(bigint, text, text, text)", "radius_count_guess(bigint, bigint, text, text)")


def run(sql):
    # One statement for the driver: a function's body may hold anything.
    return migrations.RunSQL([sql], migrations.RunSQL.noop)


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0017_allowance"),
        ("tenancy", "0002_guard"),
    ]

    operations = [
        migrations.CreateModel(
            name="LoginEntry",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(verbose_name="when")),
                ("username", models.CharField(max_length=128, verbose_name="username")),
                ("mac", models.CharField(max_length=64, verbose_name="device")),
                ("port", models.CharField(default="", max_length=128, verbose_name="port")),
                ("reason", models.CharField(max_length=200, verbose_name="why")),
                ("times", models.PositiveIntegerField(default=1, verbose_name="times")),
                ("last_at", models.DateTimeField(verbose_name="last tried")),
            ],
            options={
                "verbose_name": "login log entry",
                "verbose_name_plural": "login log",
                "db_table": "access_loginentry",
                "managed": False,
            },
        ),
        migrations.AddField(
            model_name="accesspolicy",
            name="block_minutes",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Empty: the engineer is told, and nobody is shut out. A line's own bound device always gets in.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(1440),
                ],
                verbose_name="shut out for",
            ),
        ),
        migrations.AddField(
            model_name="accesspolicy",
            name="guess_limit",
            field=models.PositiveSmallIntegerField(
                blank=True,
                default=20,
                help_text="wrong passwords for one username or from one device. Empty: nobody watches.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(3),
                    django.core.validators.MaxValueValidator(1000),
                ],
                verbose_name="guessing begins at",
            ),
        ),
        migrations.AddField(
            model_name="accesspolicy",
            name="guess_minutes",
            field=models.PositiveSmallIntegerField(
                default=10,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(1440),
                ],
                verbose_name="within",
            ),
        ),
        migrations.AddField(
            model_name="nas",
            name="blocks_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name="LoginGuess",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("user", "For one username"),
                            ("device", "From one device"),
                            ("router", "Through one router"),
                        ],
                        max_length=6,
                        verbose_name="what",
                    ),
                ),
                ("subject", models.CharField(max_length=128, verbose_name="who")),
                ("tries", models.PositiveIntegerField(default=1, verbose_name="tries")),
                ("began_at", models.DateTimeField(verbose_name="since")),
                ("last_at", models.DateTimeField(verbose_name="last tried")),
                ("alerted_at", models.DateTimeField(null=True, verbose_name="beyond the limit")),
                ("blocked_until", models.DateTimeField(null=True, verbose_name="shut out until")),
                (
                    "nas",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
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
                "verbose_name": "password guessing",
                "verbose_name_plural": "password guessing",
                "indexes": [
                    models.Index(
                        condition=models.Q(("alerted_at__isnull", False)),
                        fields=["tenant", "-alerted_at", "id"],
                        name="login_guess_latest",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "kind", "subject"), name="login_guess_once"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["user", "device", "router"])), name="login_guess_kind"
                    ),
                ],
            },
        ),
        IsolateByTenant("LoginGuess"),
        run((SQL / "login_log.sql").read_text()),
        run((SQL / "partitions.sql").read_text()),
        run((SQL / "radius.sql").read_text()),
        run(
            "".join(
                f"ALTER FUNCTION {name} OWNER TO fl_control; REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC, fl_app;"
                for name in OF_FREERADIUS
            )
            + "REVOKE EXECUTE ON FUNCTION access_drop_months(text, timestamptz) FROM PUBLIC, fl_app, fl_control;"
            + "SELECT access_make_partitions(now(), 4);"
        ),
    ]
