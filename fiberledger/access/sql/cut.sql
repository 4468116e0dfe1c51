-- The instant from which a line is cut for debt stands on the subscription; FreeRADIUS reads it here, and no job is between.
CREATE FUNCTION access_project_cut() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE radius_line l SET cut_at = NEW.cut_at FROM access_accessaccount a
   WHERE a.tenant_id = NEW.tenant_id AND a.subscription_id = NEW.id AND l.account_id = a.id;
  RETURN NULL;
END $$;

CREATE TRIGGER access_project_cut AFTER UPDATE OF cut_at ON subscriptions_subscription
  FOR EACH ROW WHEN (NEW.cut_at IS DISTINCT FROM OLD.cut_at) EXECUTE FUNCTION access_project_cut();
