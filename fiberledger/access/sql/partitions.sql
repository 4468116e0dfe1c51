-- Make the monthly partitions from two months back to so many months ahead; returns how many were missing.
-- Runs as the tables' owner. A partition by itself is closed: rows are reached through the table. fl_control, which sees
-- every tenant's anyway, may read it: a backup reads partition by partition.
CREATE OR REPLACE FUNCTION access_make_partitions(p_now timestamptz, p_ahead int) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE m timestamptz; parent text; part text; made int := 0; first timestamptz := date_trunc('month', p_now, 'UTC');
BEGIN
  FOREACH parent IN ARRAY ARRAY['access_sessionhistory', 'access_loginentry'] LOOP
    CONTINUE WHEN to_regclass(parent) IS NULL;
    FOR i IN -2 .. least(p_ahead, 24) LOOP
      m := first + make_interval(months => i);
      part := parent || '_' || to_char(m AT TIME ZONE 'UTC', 'YYYYMM');
      CONTINUE WHEN to_regclass(part) IS NOT NULL;
      PERFORM pg_advisory_xact_lock(hashtext('access_make_partitions'));
      CONTINUE WHEN to_regclass(part) IS NOT NULL;
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', part, parent, m, m + interval '1 month');
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
      EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
      EXECUTE format('REVOKE ALL ON %I FROM fl_app, fl_control', part);
      EXECUTE format('GRANT SELECT ON %I TO fl_control', part);
      made := made + 1;
    END LOOP;
  END LOOP;
  RETURN made;
END $$;

-- Drop whole months of sessions that ended before the day: a year of them is gone in a moment, and nothing is left to vacuum.
CREATE OR REPLACE FUNCTION access_drop_partitions(p_before timestamptz) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF p_before > now() - interval '90 days' THEN RAISE EXCEPTION 'sessions are kept for at least 90 days'; END IF;
  RETURN access_drop_months('access_sessionhistory', p_before);
END $$;

-- And of refused logins.
CREATE OR REPLACE FUNCTION access_drop_login_entries(p_before timestamptz) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF p_before > now() - interval '30 days' THEN RAISE EXCEPTION 'refused logins are kept for at least 30 days'; END IF;
  RETURN access_drop_months('access_loginentry', p_before);
END $$;

CREATE OR REPLACE FUNCTION access_drop_months(p_parent text, p_before timestamptz) RETURNS int
LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE part text; dropped int := 0;
BEGIN
  FOR part IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = p_parent::regclass AND c.relname < p_parent || '_' || to_char(p_before AT TIME ZONE 'UTC', 'YYYYMM')
  LOOP
    EXECUTE format('DROP TABLE %I', part);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
