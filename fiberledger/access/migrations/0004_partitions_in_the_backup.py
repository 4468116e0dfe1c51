from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"
GRANT_THOSE_THERE_ARE = """
    DO $$ DECLARE part regclass; BEGIN
      FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'access_sessionhistory'::regclass LOOP
        EXECUTE format('GRANT SELECT ON %s TO fl_control', part);
      END LOOP;
    END $$;"""


class Migration(migrations.Migration):
    dependencies = [("access", "0003_one_statement_a_start")]
    operations = [
        migrations.RunSQL([(SQL / "partitions.sql").read_text()], migrations.RunSQL.noop),
        migrations.RunSQL([GRANT_THOSE_THERE_ARE], migrations.RunSQL.noop),
    ]
