from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"
# While the index is built, accounting waits in FreeRADIUS' spool and is replayed.
REBUILD = """
    ALTER TABLE access_sessionhistory DROP CONSTRAINT access_sessionhistory_pkey;
    ALTER TABLE access_sessionhistory ADD PRIMARY KEY (tenant_id, username, key, ended_at);
    DROP INDEX IF EXISTS session_history_username;
    CREATE INDEX IF NOT EXISTS session_history_latest ON access_sessionhistory (tenant_id, ended_at);"""


class Migration(migrations.Migration):
    dependencies = [("access", "0006_one_statement_a_stop")]
    operations = [
        migrations.RunSQL([REBUILD], migrations.RunSQL.noop),
        migrations.RunSQL([(SQL / "radius.sql").read_text()], migrations.RunSQL.noop),
    ]
