-- Sessions that are over, one partition a month of their end. The primary key leads with the session's key: repeated
-- and late packets look there.
CREATE TABLE access_sessionhistory (
  key uuid NOT NULL,
  tenant_id bigint NOT NULL,
  nas_id bigint NOT NULL,
  account_id bigint,
  username varchar(128) NOT NULL,
  session_id varchar(128) NOT NULL,
  mac varchar(64) NOT NULL,
  ip inet,
  prefix6 varchar(64) NOT NULL DEFAULT '',
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  seconds bigint NOT NULL,
  in_octets bigint NOT NULL,
  out_octets bigint NOT NULL,
  cause varchar(40) NOT NULL DEFAULT '',
  swept boolean NOT NULL DEFAULT false,
  PRIMARY KEY (key, ended_at)
) PARTITION BY RANGE (ended_at);
CREATE INDEX session_history_username ON access_sessionhistory (tenant_id, username, ended_at);
-- Who had this address at that time?
CREATE INDEX session_history_ip ON access_sessionhistory (ip, ended_at) WHERE ip IS NOT NULL;

-- Make the monthly partitions from two months back to so many months ahead; returns how many were missing.
-- Runs as the tables' owner. A partition by itself is closed to everybody: rows are reached through the table.
CREATE FUNCTION access_make_partitions(p_now timestamptz, p_ahead int) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE m timestamptz; part text; made int := 0; first timestamptz := date_trunc('month', p_now, 'UTC');
BEGIN
  FOR i IN -2 .. least(p_ahead, 24) LOOP
    m := first + make_interval(months => i);
    part := 'access_sessionhistory_' || to_char(m AT TIME ZONE 'UTC', 'YYYYMM');
    CONTINUE WHEN to_regclass(part) IS NOT NULL;
    PERFORM pg_advisory_xact_lock(hashtext('access_make_partitions'));
    CONTINUE WHEN to_regclass(part) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I PARTITION OF access_sessionhistory FOR VALUES FROM (%L) TO (%L)',
      part, m, m + interval '1 month');
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('REVOKE ALL ON %I FROM fl_app, fl_control', part);
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;

-- Drop whole months that ended before the day: a year of sessions is gone in a moment, and nothing is left to vacuum.
CREATE FUNCTION access_drop_partitions(p_before timestamptz) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE part text; dropped int := 0;
BEGIN
  IF p_before > now() - interval '90 days' THEN RAISE EXCEPTION 'sessions are kept for at least 90 days'; END IF;
  FOR part IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'access_sessionhistory'::regclass
       AND c.relname < 'access_sessionhistory_' || to_char(p_before AT TIME ZONE 'UTC', 'YYYYMM')
  LOOP
    EXECUTE format('DROP TABLE %I', part);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
