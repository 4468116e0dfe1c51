-- What each line moved: by the hour (one partition a month, kept for a year), by the day and by the month (kept for ever).
-- Hours, days and months are the tenant's own. Written by rollup.fold() alone; up is from the subscriber, down to them.
CREATE TABLE usage_hour (
  tenant_id bigint NOT NULL,
  account_id bigint NOT NULL,
  hour timestamptz NOT NULL,
  up bigint NOT NULL,
  down bigint NOT NULL,
  PRIMARY KEY (tenant_id, account_id, hour),
  CONSTRAINT usage_hour_never_falls CHECK (up >= 0 AND down >= 0)
) PARTITION BY RANGE (hour);
-- free: what of it counts toward no quota.
CREATE TABLE usage_day (
  tenant_id bigint NOT NULL,
  account_id bigint NOT NULL,
  day date NOT NULL,
  up bigint NOT NULL,
  down bigint NOT NULL,
  free bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, account_id, day),
  CONSTRAINT usage_day_never_falls CHECK (up >= 0 AND down >= 0 AND free >= 0 AND free <= up + down)
) WITH (fillfactor = 80);
CREATE TABLE usage_month (
  tenant_id bigint NOT NULL,
  account_id bigint NOT NULL,
  month date NOT NULL,
  up bigint NOT NULL,
  down bigint NOT NULL,
  PRIMARY KEY (tenant_id, account_id, month),
  CONSTRAINT usage_month_never_falls CHECK (up >= 0 AND down >= 0)
) WITH (fillfactor = 80);

-- Sessions that were filed before all of them was counted: filled by a trigger, emptied by the next fold. done: what earlier
-- sessions of the same key had, where several wait.
CREATE TABLE usage_uncounted (
  key uuid PRIMARY KEY,
  tenant_id bigint NOT NULL,
  account_id bigint NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  up bigint NOT NULL,
  down bigint NOT NULL,
  done_up bigint NOT NULL DEFAULT 0,
  done_down bigint NOT NULL DEFAULT 0,
  swept boolean NOT NULL
);
CREATE INDEX usage_uncounted_tenant ON usage_uncounted (tenant_id);
