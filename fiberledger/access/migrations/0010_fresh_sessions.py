from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"
FOR_US = """
    ALTER FUNCTION radius_file(timestamptz, integer) OWNER TO fl_control;
    REVOKE EXECUTE ON FUNCTION radius_file(timestamptz, integer) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION radius_file(timestamptz, integer) TO fl_app;"""


def run(sql: str) -> migrations.RunSQL:
    # One statement for the driver: a function's body may hold anything.
    return migrations.RunSQL([sql], migrations.RunSQL.noop)


class Migration(migrations.Migration):
    dependencies = [("access", "0009_router_readings")]
    operations = [
        run((SQL / "fresh.sql").read_text()),
        run((SQL / "radius.sql").read_text()),
        run(FOR_US),
        migrations.AlterModelTable("SessionHistory", "access_pastsession"),
    ]
