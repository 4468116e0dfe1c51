from django.db import migrations, models

# A line may have an instant from which the network cuts it for debt. Whoever pays, is credited, becomes a VIP or moves must
# not be cut by an instant that was set before, even while no worker is there to set it anew: it is gone with the cause.
WITHDRAW = """
CREATE FUNCTION subscriptions_withdraw_cut() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'ledger_ledgeraccount' THEN
    UPDATE subscriptions_subscription l SET cut_at = NULL FROM subscribers_subscriber s
     WHERE s.tenant_id = NEW.tenant_id AND s.receivable_id = NEW.id
       AND l.tenant_id = s.tenant_id AND l.subscriber_id = s.id AND l.cut_at IS NOT NULL;
  ELSE
    UPDATE subscriptions_subscription l SET cut_at = NULL
     WHERE l.tenant_id = NEW.tenant_id AND l.subscriber_id = NEW.id AND l.cut_at IS NOT NULL;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER subscriptions_money_came AFTER UPDATE OF balance ON ledger_ledgeraccount
  FOR EACH ROW WHEN (NEW.is_party AND NEW.balance < OLD.balance) EXECUTE FUNCTION subscriptions_withdraw_cut();
CREATE TRIGGER subscriptions_person_changed AFTER UPDATE OF is_vip, area_id ON subscribers_subscriber
  FOR EACH ROW WHEN ((NEW.is_vip, NEW.area_id) IS DISTINCT FROM (OLD.is_vip, OLD.area_id))
  EXECUTE FUNCTION subscriptions_withdraw_cut();
"""


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0002_guard"), ("ledger", "0002_guard"), ("subscribers", "0002_guard")]
    operations = [
        migrations.AddField(
            "subscription",
            "cut_at",
            models.DateTimeField(
                "suspended from", null=True, blank=True, editable=False,
                help_text="From this instant the network treats the line as suspended, whatever else has or has not run.",
            ),
        ),
        migrations.RunSQL([WITHDRAW], migrations.RunSQL.noop),
    ]  # fmt: skip
