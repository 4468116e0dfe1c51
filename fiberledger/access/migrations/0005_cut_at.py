from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("access", "0004_partitions_in_the_backup"), ("subscriptions", "0003_cut_at")]
    operations = [
        migrations.RemoveField("accessaccount", "expires_at"),
        migrations.AddField("radiusline", "cut_at", models.DateTimeField(null=True)),
        migrations.RunSQL([(SQL / "radius.sql").read_text()], migrations.RunSQL.noop),
        migrations.RunSQL([(SQL / "cut.sql").read_text()], migrations.RunSQL.noop),
    ]
