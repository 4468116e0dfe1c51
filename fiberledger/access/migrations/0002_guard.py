from pathlib import Path

from django.db import migrations

from fiberledger.tenancy.operations import TENANT_IN_SCOPE, IsolateByTenant

SQL = Path(__file__).parent.parent / "sql"
FOR_FREERADIUS = (
    "radius_client(text)",
    "radius_login(text, text, text, text, text, text, text, text)",
    "radius_acct(text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text)",
    "radius_refused(text, text, text, text, text)",
)
FOR_US = (
    "radius_sweep(timestamptz)",
    "radius_forget(uuid)",
    "radius_address_taken(inet, bigint)",
    "access_take_edited_plans()",
    "radius_file(timestamptz, integer)",
)
INSIDE = ("radius_close(uuid[], text, boolean)", "radius_open(bytea)")


def isolate(table: str) -> str:
    return f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY isolate_by_tenant ON {table}
          USING (tenant_id = {TENANT_IN_SCOPE}) WITH CHECK (tenant_id = {TENANT_IN_SCOPE});"""


def run(sql: str) -> migrations.RunSQL:
    # One statement for the driver: a function's body may hold anything.
    return migrations.RunSQL([sql], migrations.RunSQL.noop)


class Migration(migrations.Migration):
    dependencies = [("access", "0001_initial"), ("subscriptions", "0002_guard"), ("catalog", "0002_guard")]
    operations = [
        IsolateByTenant("Nas", "AccessAccount", "RadiusLine", "EditedPlan", "LineCommand"),
        run((SQL / "history.sql").read_text()),
        run((SQL / "fresh.sql").read_text()),
        run((SQL / "partitions.sql").read_text()),
        # What the packets write, only the packets write; we may say what a session was granted since.
        run(
            isolate("access_livesession")
            + isolate("access_sessionhistory")
            + isolate("access_refusedlogin")
            + """
            ALTER TABLE access_livesession SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
            ALTER TABLE radius_line SET (fillfactor = 80);
            REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON access_livesession, access_sessionhistory FROM fl_app;
            REVOKE INSERT, UPDATE, TRUNCATE ON access_refusedlogin FROM fl_app;
            GRANT UPDATE (terms) ON access_livesession TO fl_app;"""
        ),
        run((SQL / "radius.sql").read_text()),
        run(
            "\n".join(
                f"ALTER FUNCTION {name} OWNER TO fl_control; REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC, fl_app;"
                for name in (*FOR_FREERADIUS, *FOR_US, "radius_close(uuid[], text, boolean)")
            )
            + "REVOKE EXECUTE ON FUNCTION radius_open(bytea) FROM PUBLIC, fl_app;"
            + "".join(f"GRANT EXECUTE ON FUNCTION {name} TO fl_radius;" for name in FOR_FREERADIUS)
            + "".join(f"GRANT EXECUTE ON FUNCTION {name} TO fl_app;" for name in FOR_US)
            + "SELECT access_make_partitions(now(), 4);"
        ),
    ]
