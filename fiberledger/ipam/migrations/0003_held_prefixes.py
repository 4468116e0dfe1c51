from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("ipam", "0002_guard")]
    operations = [migrations.RunSQL([(SQL / "ipam.sql").read_text()], migrations.RunSQL.noop)]
