-- Make the monthly partitions from two months back to so many months ahead; returns how many were missing.
-- Runs as the tables' owner. A partition by itself is closed: rows are reached through the table. fl_control may read it:
-- a backup reads partition by partition.
CREATE OR REPLACE FUNCTION usage_make_partitions(p_now timestamptz, p_ahead int) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE m timestamptz; part text; made int := 0; first timestamptz := date_trunc('month', p_now, 'UTC');
BEGIN
  FOR i IN -2 .. least(p_ahead, 24) LOOP
    m := first + make_interval(months => i);
    part := 'usage_hour_' || to_char(m AT TIME ZONE 'UTC', 'YYYYMM');
    CONTINUE WHEN to_regclass(part) IS NOT NULL;
    PERFORM pg_advisory_xact_lock(hashtext('usage_make_partitions'));
    CONTINUE WHEN to_regclass(part) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I PARTITION OF usage_hour FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = 80)',
      part, m, m + interval '1 month');
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('REVOKE ALL ON %I FROM fl_app, fl_control', part);
    EXECUTE format('GRANT SELECT ON %I TO fl_control', part);
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;

-- Drop whole months of hours that ended before then; the days and months they were added up into stay.
CREATE OR REPLACE FUNCTION usage_drop_partitions(p_before timestamptz) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE part text; dropped int := 0;
BEGIN
  IF p_before > now() - interval '90 days' THEN RAISE EXCEPTION 'hours are kept for at least 90 days'; END IF;
  FOR part IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'usage_hour'::regclass
       AND c.relname < 'usage_hour_' || to_char(p_before AT TIME ZONE 'UTC', 'YYYYMM')
  LOOP
    EXECUTE format('DROP TABLE %I', part);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;

-- A session filed into the history: what of it was not counted yet waits for the next fold; one that is counted whole and
-- can never come back (it was not given up for silence) needs no note any more. Many at once, and never in a packet's way:
-- a Stop is written to the sessions that ended a moment ago, which have no trigger.
CREATE OR REPLACE FUNCTION usage_note_filed() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO usage_uncounted AS u (key, tenant_id, account_id, started_at, ended_at, up, down, swept)
    SELECT f.key, f.tenant_id, f.account_id, f.started_at, f.ended_at, f.in_octets, f.out_octets, f.swept
      FROM filed f LEFT JOIN usage_sessioncount c ON c.key = f.key
     WHERE f.account_id IS NOT NULL AND (c.key IS NULL OR c.up < f.in_octets OR c.down < f.out_octets)
    ON CONFLICT (key) DO UPDATE SET swept = excluded.swept,
      ended_at = greatest(u.ended_at, excluded.ended_at), started_at = least(u.started_at, excluded.started_at),
      done_up = u.done_up + CASE WHEN u.swept THEN 0 ELSE u.up END,
      done_down = u.done_down + CASE WHEN u.swept THEN 0 ELSE u.down END,
      up = CASE WHEN u.swept THEN greatest(u.up, excluded.up) ELSE excluded.up END,
      down = CASE WHEN u.swept THEN greatest(u.down, excluded.down) ELSE excluded.down END;
  DELETE FROM usage_sessioncount c USING filed f
   WHERE c.key = f.key AND NOT f.swept AND c.up >= f.in_octets AND c.down >= f.out_octets;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER usage_note_filed AFTER INSERT ON access_sessionhistory
  REFERENCING NEW TABLE AS filed FOR EACH STATEMENT EXECUTE FUNCTION usage_note_filed();
