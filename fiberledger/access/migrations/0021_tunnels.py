from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0020_commands_in_turn"),
    ]

    operations = [
        migrations.AddField(
            model_name="nas",
            name="tunnel",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="RouterOS 7. The source address is the router's own in the tunnel; we make its key.",
                verbose_name="WireGuard tunnel to us",
            ),
        ),
        migrations.AddField(
            model_name="nas",
            name="tunnel_key",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="nas",
            name="tunnel_public",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=44),
        ),
    ]
