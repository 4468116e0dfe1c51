from pathlib import Path

from django.db import migrations

from fiberledger.tenancy.operations import TENANT_IN_SCOPE, IsolateByTenant

SQL = Path(__file__).parent.parent / "sql"


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
    dependencies = [("usage", "0001_initial"), ("access", "0010_fresh_sessions")]
    operations = [
        IsolateByTenant("SessionCount"),
        run((SQL / "rollups.sql").read_text()),
        run(
            "".join(isolate(f"usage_{name}") for name in ("hour", "day", "month", "uncounted"))
            + "ALTER TABLE usage_sessioncount SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);"
        ),
        run((SQL / "functions.sql").read_text()),
        run("SELECT usage_make_partitions(now(), 4);"),
    ]
