from django.db import migrations

# Who had this address at that time: found within the tenant, by address and time, without a look at rows that are not it.
INDEXES = {
    "session_history_holder": "(tenant_id, ip, ended_at, started_at) WHERE ip IS NOT NULL",
    "session_history_holder6": "(tenant_id, prefix6, ended_at, started_at) WHERE prefix6 <> ''",
    "session_history_delegated6": "(tenant_id, delegated6, ended_at, started_at) WHERE delegated6 <> ''",
}


def build(apps, schema_editor):
    """Partition by partition and beside the traffic: no packet waits. Begun anew, it goes on where it was."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'access_sessionhistory'::regclass ORDER BY 1"""
        )
        parts = [row[0] for row in cursor.fetchall()]
        for name, columns in INDEXES.items():
            cursor.execute(f"CREATE INDEX IF NOT EXISTS {name} ON ONLY access_sessionhistory {columns}")
            for part in parts:
                own = f"{part}_{name.removeprefix('session_history_')}"
                cursor.execute(
                    """SELECT indisvalid, EXISTS (SELECT FROM pg_inherits WHERE inhrelid = indexrelid) FROM pg_index
                        WHERE indexrelid = to_regclass(%s)""",
                    [own],
                )
                valid, attached = cursor.fetchone() or (None, False)
                if valid is False:  # a build that was broken off
                    cursor.execute(f"DROP INDEX CONCURRENTLY {own}")
                if not valid:
                    cursor.execute(f"CREATE INDEX CONCURRENTLY {own} ON {part} {columns}")
                if not attached:
                    cursor.execute(f"ALTER INDEX {name} ATTACH PARTITION {own}")
        cursor.execute("DROP INDEX IF EXISTS session_history_ip")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("tracing", "0002_guard"), ("access", "0016_pools_and_fixed_addresses")]
    operations = [migrations.RunPython(build, migrations.RunPython.noop)]
