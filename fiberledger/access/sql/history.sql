-- Sessions that are over, one partition a month of their end. Repeated and late packets look for the username's key; each
-- index here is one more page that a Stop writes.
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
  delegated6 varchar(64) NOT NULL DEFAULT '',
  PRIMARY KEY (tenant_id, username, key, ended_at)
) PARTITION BY RANGE (ended_at);
CREATE INDEX session_history_latest ON access_sessionhistory (tenant_id, ended_at);
-- Who had this address at that time?
CREATE INDEX session_history_ip ON access_sessionhistory (ip, ended_at) WHERE ip IS NOT NULL;
