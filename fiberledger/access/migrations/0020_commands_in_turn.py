from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0019_realms_and_vpn"),
        ("tenancy", "0002_guard"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="linecommand",
            name="line_command_waiting",
        ),
        migrations.AddField(
            model_name="linecommand",
            name="urgent",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name="linecommand",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["tenant", "nas", "-urgent", "id"],
                name="line_command_in_turn",
            ),
        ),
    ]
