-- A plan's limit or hours were edited, by whatever hand: its lines are to be considered anew, by the next minute's look.
CREATE OR REPLACE FUNCTION usage_wake_lines() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_TABLE_NAME = 'catalog_plan' THEN
    UPDATE usage_lineusage SET next_at = '-infinity' WHERE tenant_id = NEW.tenant_id AND plan_id = NEW.id AND next_at IS NOT NULL;
  ELSE
    UPDATE usage_lineusage SET next_at = '-infinity' WHERE next_at IS NOT NULL AND tenant_id = coalesce(NEW.tenant_id, OLD.tenant_id)
       AND plan_id IN (NEW.plan_id, OLD.plan_id);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER usage_wake_lines AFTER UPDATE OF quota_mb, at_limit, slow_download_kbps, slow_upload_kbps,
    download_kbps, upload_kbps, validity_days ON catalog_plan FOR EACH ROW
  WHEN ((OLD.quota_mb, OLD.at_limit, OLD.slow_download_kbps, OLD.slow_upload_kbps, OLD.download_kbps, OLD.upload_kbps, OLD.validity_days)
    IS DISTINCT FROM
        (NEW.quota_mb, NEW.at_limit, NEW.slow_download_kbps, NEW.slow_upload_kbps, NEW.download_kbps, NEW.upload_kbps, NEW.validity_days))
  EXECUTE FUNCTION usage_wake_lines();
CREATE OR REPLACE TRIGGER usage_wake_lines AFTER INSERT OR UPDATE OR DELETE ON catalog_planhours
  FOR EACH ROW EXECUTE FUNCTION usage_wake_lines();
