-- Sessions that ended a moment ago. A Stop is written here: few rows, one index, so few pages for the disk; every minute
-- what is ten minutes old is filed into the history, many rows at once. Readers see both as access_pastsession.
CREATE TABLE IF NOT EXISTS access_sessionfresh (
  LIKE access_sessionhistory INCLUDING DEFAULTS,
  kept_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (key)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE OR REPLACE VIEW access_pastsession WITH (security_invoker = true) AS
  SELECT key, tenant_id, nas_id, account_id, username, session_id, mac, ip, prefix6, started_at, ended_at, seconds,
         in_octets, out_octets, cause, swept, delegated6 FROM access_sessionhistory
  UNION ALL
  SELECT key, tenant_id, nas_id, account_id, username, session_id, mac, ip, prefix6, started_at, ended_at, seconds,
         in_octets, out_octets, cause, swept, delegated6 FROM access_sessionfresh;
REVOKE ALL ON access_pastsession FROM fl_app;
GRANT SELECT ON access_pastsession TO fl_app, fl_control;

ALTER TABLE access_sessionfresh ENABLE ROW LEVEL SECURITY;
ALTER TABLE access_sessionfresh FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS isolate_by_tenant ON access_sessionfresh;
CREATE POLICY isolate_by_tenant ON access_sessionfresh
  USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint)
  WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint);
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON access_sessionfresh FROM fl_app;
