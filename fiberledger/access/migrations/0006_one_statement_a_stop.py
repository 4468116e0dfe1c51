from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("access", "0005_cut_at")]
    # One statement for the driver: a function's body may hold anything. Owners and rights stay as they are.
    operations = [migrations.RunSQL([(SQL / "radius.sql").read_text()], migrations.RunSQL.noop)]
