from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant

# Of a tenant that was empty a minute ago PostgreSQL expects one row everywhere, and joins accordingly: by going through
# everything for each. Only the owner of a table may refresh what it is planned by, so this function is the owner's.
STATISTICS = """
CREATE FUNCTION imports_refresh_statistics(tables text[]) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE name text;
BEGIN
  FOR name IN SELECT c.relname FROM pg_class c
               WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname = ANY(tables) LOOP
    BEGIN
      EXECUTE format('ANALYZE %I', name);
    EXCEPTION WHEN lock_not_available THEN
      NULL;  -- somebody is at it already
    END;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION imports_refresh_statistics(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION imports_refresh_statistics(text[]) TO fl_app;
"""


class Migration(migrations.Migration):
    dependencies = [("imports", "0001_initial"), ("files", "0002_guard"), ("jobs", "0002_guard")]
    operations = [
        IsolateByTenant("ImportRun", "ImportRow", "ImportPart", "ColumnMap"),
        migrations.RunSQL(STATISTICS, "DROP FUNCTION imports_refresh_statistics(text[])"),
    ]
