from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"
NEW = """
    ALTER FUNCTION radius_note_signing(text, text) OWNER TO fl_control;
    REVOKE EXECUTE ON FUNCTION radius_note_signing(text, text) FROM PUBLIC, fl_app;
    GRANT EXECUTE ON FUNCTION radius_note_signing(text, text) TO fl_radius;
    DROP FUNCTION IF EXISTS radius_note_signing(bigint, boolean);"""


class Migration(migrations.Migration):
    dependencies = [("access", "0021_tunnels")]
    # One statement for the driver: a function's body may hold anything.
    operations = [
        migrations.RunSQL([(SQL / "radius.sql").read_text()], migrations.RunSQL.noop),
        migrations.RunSQL([NEW], migrations.RunSQL.noop),
    ]
