from pathlib import Path

import django.core.validators
from django.db import migrations, models

import fiberledger.access.models

SQL = Path(__file__).parent.parent / "sql"
# No table is written anew but that of the routers: nobody's rows are hidden from ALTER TABLE.
SIGNING = """
    ALTER TABLE access_nas ALTER COLUMN must_sign TYPE varchar(8) USING CASE WHEN must_sign THEN 'required' ELSE 'off' END;
    ALTER TABLE access_nas RENAME COLUMN must_sign TO signing;"""
DELEGATED = """
    ALTER TABLE access_sessionhistory ADD COLUMN IF NOT EXISTS delegated6 varchar(64) NOT NULL DEFAULT '';
    ALTER TABLE access_sessionfresh ADD COLUMN IF NOT EXISTS delegated6 varchar(64) NOT NULL DEFAULT '';"""
# FreeRADIUS goes on asking by the former signatures until it is started with its new configuration.
NEW = {
    "radius_login(text, text, text, text, text, text, text, text)": "fl_radius",
    "radius_acct(text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text)": "fl_radius",
    "radius_refused(text, text, text, text, text)": "fl_radius",
    "radius_note_signing(text, text)": "fl_radius",
}


def run(sql, **more):
    # One statement for the driver: a function's body may hold anything.
    return migrations.RunSQL([sql], migrations.RunSQL.noop, **more)


class Migration(migrations.Migration):
    dependencies = [("access", "0011_as_served")]
    operations = [
        run(
            SIGNING,
            state_operations=[
                migrations.RemoveField("nas", "must_sign"),
                migrations.AddField(
                    "nas",
                    "signing",
                    models.CharField(
                        "signed requests",
                        max_length=8,
                        choices=[("off", "Not required"), ("auto", "Required once it signs"), ("required", "Required")],
                        default="auto",
                        help_text="Whether requests without Message-Authenticator are dropped. Our answers are always signed.",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            "nas",
            models.CheckConstraint(
                name="nas_signing_known", condition=models.Q(signing__in=["off", "auto", "required"])
            ),
        ),
        migrations.AddField(
            model_name="accessaccount",
            name="delegated6",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="For the subscriber's own network (Delegated-IPv6-Prefix), usually a /56.",
                max_length=49,
                validators=[fiberledger.access.models.is_prefix6],
                verbose_name="delegated IPv6 prefix",
            ),
        ),
        migrations.AddField(
            model_name="accessaccount",
            name="pool6",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="A pool on the router, where no prefix is fixed.",
                max_length=64,
                validators=[
                    django.core.validators.RegexValidator(
                        "^[A-Za-z0-9._:/-]{0,64}$", "Use letters, digits and . - _ : / only."
                    )
                ],
                verbose_name="IPv6 pool",
            ),
        ),
        migrations.AddField(
            model_name="accessaccount",
            name="prefix6",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Of the link itself (Framed-IPv6-Prefix), usually a /64. Empty: the router chooses.",
                max_length=49,
                validators=[fiberledger.access.models.is_prefix6],
                verbose_name="IPv6 prefix",
            ),
        ),
        migrations.AddField(
            model_name="livesession",
            name="delegated6",
            field=models.CharField(db_default="", default="", max_length=64, verbose_name="delegated prefix"),
        ),
        migrations.AddField(
            model_name="nas",
            name="signed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="last signed request"),
        ),
        migrations.AddField(
            model_name="nas",
            name="unsigned_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="last unsigned request"),
        ),
        migrations.AddConstraint(
            model_name="accessaccount",
            constraint=models.UniqueConstraint(
                condition=models.Q(("prefix6", ""), _negated=True),
                fields=("tenant", "prefix6"),
                name="account_prefix6_once",
                violation_error_message="Another account has this IPv6 prefix.",
            ),
        ),
        migrations.AddConstraint(
            model_name="accessaccount",
            constraint=models.UniqueConstraint(
                condition=models.Q(("delegated6", ""), _negated=True),
                fields=("tenant", "delegated6"),
                name="account_delegated6_once",
                violation_error_message="Another account has this delegated prefix.",
            ),
        ),
        run(DELEGATED),
        run((SQL / "fresh.sql").read_text()),
        run((SQL / "radius.sql").read_text()),
        run(
            "".join(
                f"ALTER FUNCTION {name} OWNER TO fl_control; REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC, fl_app;"
                + (f"GRANT EXECUTE ON FUNCTION {name} TO {role};" if role else "")
                for name, role in NEW.items()
            )
        ),
    ]
