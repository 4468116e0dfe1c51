-- Refused logins: one row a minute for a username, device, router and reason, one partition a month.
CREATE SEQUENCE access_loginentry_id_seq AS bigint;
CREATE TABLE access_loginentry (
  id bigint NOT NULL DEFAULT nextval('access_loginentry_id_seq'),
  tenant_id bigint NOT NULL,
  at timestamptz NOT NULL,
  username varchar(128) NOT NULL,
  nas_id bigint NOT NULL,
  account_id bigint,
  mac varchar(64) NOT NULL,
  port varchar(128) NOT NULL DEFAULT '',
  reason varchar(200) NOT NULL,
  times int NOT NULL DEFAULT 1,
  last_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, at, id),
  UNIQUE (tenant_id, username, at, nas_id, mac, reason)
) PARTITION BY RANGE (at);
ALTER SEQUENCE access_loginentry_id_seq OWNED BY access_loginentry.id;
CREATE INDEX login_entry_mac ON access_loginentry (tenant_id, mac, at);
ALTER TABLE access_loginentry ENABLE ROW LEVEL SECURITY;
ALTER TABLE access_loginentry FORCE ROW LEVEL SECURITY;
CREATE POLICY isolate_by_tenant ON access_loginentry
  USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint)
  WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint);
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON access_loginentry FROM fl_app;
