from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant

# What a receipt says stays as it was printed. Only a reversal may be added, once, and a closing, once each.
IMMUTABLE = """
CREATE FUNCTION payments_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'payment % was recorded and does not change', OLD.number
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER payment_stays BEFORE UPDATE OF id, tenant_id, number, subscriber_id, amount, currency, method, account_id,
  key, received_on, received_at, collector_id, collector_name, reference, note, entry_id ON payments_payment
  FOR EACH ROW EXECUTE FUNCTION payments_refuse_change();
CREATE TRIGGER payment_happens_once BEFORE UPDATE ON payments_payment FOR EACH ROW
  WHEN (OLD.reversed_at IS NOT NULL AND (NEW.reversed_at, NEW.reversed_on, NEW.reversed_by, NEW.reversal_reason,
          NEW.reversal_entry_id) IS DISTINCT FROM (OLD.reversed_at, OLD.reversed_on, OLD.reversed_by, OLD.reversal_reason,
          OLD.reversal_entry_id)
        OR OLD.closing_id IS NOT NULL AND NEW.closing_id IS DISTINCT FROM OLD.closing_id
        OR OLD.reversal_closing_id IS NOT NULL AND NEW.reversal_closing_id IS DISTINCT FROM OLD.reversal_closing_id)
  EXECUTE FUNCTION payments_refuse_change();
CREATE TRIGGER payment_never_deleted BEFORE DELETE ON payments_payment FOR EACH ROW
  EXECUTE FUNCTION payments_refuse_change();
CREATE TRIGGER payment_never_emptied BEFORE TRUNCATE ON payments_payment FOR EACH STATEMENT
  EXECUTE FUNCTION refuse_change();
REVOKE DELETE, TRUNCATE ON payments_payment FROM fl_app, fl_control;

CREATE FUNCTION payments_refuse_closing_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a cash closing that was approved does not change' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER closing_stays BEFORE UPDATE OF tenant_id, collector_id, "on", currency, expected, counted, status,
  payments_count, note, closed_by ON payments_cashclosing FOR EACH ROW WHEN (OLD.status = 'approved')
  EXECUTE FUNCTION payments_refuse_closing_change();
CREATE TRIGGER closing_never_deleted BEFORE DELETE ON payments_cashclosing FOR EACH ROW
  EXECUTE FUNCTION payments_refuse_closing_change();
REVOKE DELETE, TRUNCATE ON payments_cashclosing FROM fl_app, fl_control;
ALTER TABLE payments_payment SET (fillfactor = 90);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0001_initial"),
        ("identity", "0002_guard"),
        ("ledger", "0002_guard"),
        ("subscribers", "0002_guard"),
    ]
    operations = [
        IsolateByTenant("PaymentPolicy", "Payment", "CashClosing"),
        migrations.RunSQL(IMMUTABLE, migrations.RunSQL.noop),
    ]
