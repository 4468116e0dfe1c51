from pathlib import Path

import django.contrib.postgres.fields
import django.core.validators
from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0018_login_log"),
        ("subscriptions", "0004_add_ons"),
        ("tenancy", "0002_guard"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="accessaccount",
            name="account_kind_known",
        ),
        migrations.AddField(
            model_name="accesspolicy",
            name="by_kind",
            field=models.BooleanField(
                default=False,
                help_text="A PPPoE login does not open the hotspot or a VPN, and the other way round.",
                verbose_name="each login only for its kind of connection",
            ),
        ),
        migrations.AddField(
            model_name="accesspolicy",
            name="realms",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    max_length=64,
                    validators=[
                        django.core.validators.RegexValidator(
                            "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", "A realm looks like home.example, in small letters."
                        )
                    ],
                ),
                blank=True,
                help_text="With commas between. asha@home.example logs in as asha if home.example stands here; another realm is part of the username.",
                null=True,
                size=None,
                verbose_name="realms that are taken off",
            ),
        ),
        migrations.AddField(
            model_name="livesession",
            name="sent_name",
            field=models.CharField(db_default="", default="", max_length=128),
        ),
        migrations.AddField(
            model_name="nas",
            name="by_kind",
            field=models.BooleanField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="nas",
            name="realms",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), editable=False, null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="radiusline",
            name="kind",
            field=models.CharField(max_length=10, null=True),
        ),
        migrations.AlterField(
            model_name="accessaccount",
            name="kind",
            field=models.CharField(
                choices=[
                    ("pppoe", "PPPoE login"),
                    ("vpn", "VPN login (L2TP, PPTP, SSTP, OpenVPN)"),
                    ("hotspot", "Hotspot login"),
                    ("mac", "Device (DHCP, MAC address)"),
                    ("static", "Fixed address, no login"),
                ],
                default="pppoe",
                max_length=10,
                verbose_name="kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="accessaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["pppoe", "vpn", "hotspot", "mac", "static"])),
                name="account_kind_known",
            ),
        ),
        # One statement for the driver: a function's body may hold anything.
        migrations.RunSQL([(SQL / "radius.sql").read_text()], migrations.RunSQL.noop),
    ]
