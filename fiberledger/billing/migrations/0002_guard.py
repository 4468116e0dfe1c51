from django.db import migrations

from fiberledger.tenancy.operations import AppendOnly, IsolateByTenant

# A subscription's days are its own stretch of the number line, so that two periods overlap exactly when their ranges
# do, and no extension is needed.
NO_OVERLAP = """
ALTER TABLE billing_invoice ADD CONSTRAINT invoice_periods_apart EXCLUDE USING gist (
  int8range(subscription_id * 131072 + (period_start - date '1900-01-01'),
            subscription_id * 131072 + (period_end - date '1900-01-01')) WITH &&)
  WHERE (kind = 'regular' AND status <> 'void');
"""

# What was issued stays as it was: only the status moves, never back from void, and to void only with nothing settled.
IMMUTABLE = """
CREATE FUNCTION billing_refuse_invoice_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'invoice % was issued and does not change', OLD.number USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER invoice_stays BEFORE UPDATE OF id, tenant_id, number, kind, subscriber_id, subscription_id, period_start,
  period_end, issued_on, due_on, currency, net, tax, total, previous_balance, run_id, issuer_id, entry_id, language,
  snapshot, note, created_at, created_by_name ON billing_invoice FOR EACH ROW
  EXECUTE FUNCTION billing_refuse_invoice_change();
CREATE TRIGGER invoice_never_deleted BEFORE DELETE ON billing_invoice FOR EACH ROW
  EXECUTE FUNCTION billing_refuse_invoice_change();
CREATE TRIGGER invoice_never_emptied BEFORE TRUNCATE ON billing_invoice FOR EACH STATEMENT
  EXECUTE FUNCTION refuse_change();
REVOKE DELETE, TRUNCATE ON billing_invoice FROM fl_app, fl_control;

CREATE FUNCTION billing_guard_void() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status = 'void' THEN
    RAISE EXCEPTION 'invoice % is void and stays void', OLD.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF EXISTS (SELECT FROM billing_allocation WHERE invoice_id = OLD.id HAVING sum(amount) <> 0) THEN
    RAISE EXCEPTION 'invoice % has payments on it', OLD.number USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER void_is_final BEFORE UPDATE OF status, voided_on, void_reason ON billing_invoice FOR EACH ROW
  WHEN (OLD.status = 'void' OR NEW.status = 'void') EXECUTE FUNCTION billing_guard_void();
"""

# Once a statement: the lines of an invoice make its sums, and come together; none is added later (a position is taken
# once, so a second set would have to begin with another). The triggers below ask row by row on purpose: what a run has
# just written has no statistics yet, and a join planned without them can take a thousand times as long.
LINES = """
CREATE FUNCTION billing_lines_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  SELECT i.number INTO bad
    FROM (SELECT invoice_id, sum(net) AS net, sum(tax) AS tax, min(position) AS first FROM added GROUP BY invoice_id) s
    CROSS JOIN LATERAL (SELECT v.number, v.net, v.tax FROM billing_invoice v WHERE v.id = s.invoice_id OFFSET 0) i
   WHERE s.net <> i.net OR s.tax <> i.tax OR s.first <> 1 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the lines of invoice % do not make its sum', bad.number USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER lines_add_up AFTER INSERT ON billing_invoiceline REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION billing_lines_add_up();
"""

# The subscriber's page is locked first, so that the sums below count whatever committed before us.
ALLOCATIONS = """
CREATE FUNCTION billing_guard_allocation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  PERFORM 1 FROM ledger_ledgeraccount a WHERE a.id = ANY(ARRAY(
      SELECT s.receivable_id FROM (SELECT DISTINCT invoice_id FROM added) n
        CROSS JOIN LATERAL (SELECT v.subscriber_id FROM billing_invoice v WHERE v.id = n.invoice_id OFFSET 0) i
        CROSS JOIN LATERAL (
          SELECT b.receivable_id FROM subscribers_subscriber b WHERE b.id = i.subscriber_id OFFSET 0) s))
    ORDER BY a.id FOR NO KEY UPDATE;

  SELECT i.number INTO bad FROM (SELECT DISTINCT invoice_id FROM added) n
    CROSS JOIN LATERAL (
      SELECT v.number, v.total, v.status FROM billing_invoice v WHERE v.id = n.invoice_id OFFSET 0) i
    CROSS JOIN LATERAL (
      SELECT sum(l.amount) AS settled FROM billing_allocation l WHERE l.invoice_id = n.invoice_id OFFSET 0) s
   WHERE s.settled < 0 OR s.settled > i.total OR (i.status = 'void' AND s.settled <> 0) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'more would be settled on invoice % than it asks', bad.number USING ERRCODE = 'check_violation';
  END IF;

  SELECT u.entry_id INTO bad FROM (
      SELECT n.entry_id, s.receivable_id, sum(l.amount) AS used FROM (SELECT DISTINCT entry_id FROM added) n
        CROSS JOIN LATERAL (
          SELECT a.amount, a.invoice_id FROM billing_allocation a WHERE a.entry_id = n.entry_id OFFSET 0) l
        CROSS JOIN LATERAL (SELECT v.subscriber_id FROM billing_invoice v WHERE v.id = l.invoice_id OFFSET 0) i
        CROSS JOIN LATERAL (
          SELECT b.receivable_id FROM subscribers_subscriber b WHERE b.id = i.subscriber_id OFFSET 0) s
       GROUP BY n.entry_id, s.receivable_id) u
   CROSS JOIN LATERAL (
      SELECT coalesce(-sum(p.amount) FILTER (WHERE p.account_id = u.receivable_id), 0) AS credit
        FROM (SELECT u.entry_id AS id UNION ALL
              SELECT r.id FROM ledger_journalentry r WHERE r.reverses_id = u.entry_id) e
        CROSS JOIN LATERAL (
          SELECT q.amount, q.account_id FROM ledger_posting q WHERE q.entry_id = e.id OFFSET 0) p) c
   WHERE u.used < 0 OR u.used > c.credit LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'more would be taken from journal entry % than it holds', bad.entry_id
      USING ERRCODE = 'check_violation';
  END IF;

  UPDATE billing_invoice i SET status = s.status FROM (
      SELECT n.invoice_id AS id, CASE WHEN l.settled = v.total THEN 'paid' WHEN l.settled > 0 THEN 'part_paid'
                                      ELSE 'issued' END AS status
        FROM (SELECT DISTINCT invoice_id FROM added) n
        CROSS JOIN LATERAL (
          SELECT w.total, w.status FROM billing_invoice w WHERE w.id = n.invoice_id OFFSET 0) v
        CROSS JOIN LATERAL (
          SELECT sum(a.amount) AS settled FROM billing_allocation a WHERE a.invoice_id = n.invoice_id OFFSET 0) l
       WHERE v.status <> 'void') s
   WHERE i.id = s.id AND i.status <> s.status;
  RETURN NULL;
END $$;
CREATE TRIGGER guard_allocation AFTER INSERT ON billing_allocation REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION billing_guard_allocation();
"""

DAYS = """
CREATE FUNCTION billing_keep_day_totals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO billing_daytotal AS d (tenant_id, "on", currency, invoices, net, tax, total)
  SELECT tenant_id, issued_on, currency, count(*), sum(net), sum(tax), sum(total) FROM added WHERE kind <> 'opening'
   GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (tenant_id, "on", currency) DO UPDATE SET invoices = d.invoices + excluded.invoices,
    net = d.net + excluded.net, tax = d.tax + excluded.tax, total = d.total + excluded.total;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_day_totals AFTER INSERT ON billing_invoice REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION billing_keep_day_totals();

CREATE FUNCTION billing_take_off_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE billing_daytotal SET invoices = invoices - 1, net = net - OLD.net, tax = tax - OLD.tax, total = total - OLD.total
   WHERE tenant_id = OLD.tenant_id AND "on" = OLD.issued_on AND currency = OLD.currency;
  RETURN NULL;
END $$;
CREATE TRIGGER take_off_day AFTER UPDATE OF status ON billing_invoice FOR EACH ROW
  WHEN (NEW.status = 'void' AND OLD.status <> 'void' AND OLD.kind <> 'opening')
  EXECUTE FUNCTION billing_take_off_day();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0001_initial"),
        ("jobs", "0002_guard"),
        ("ledger", "0002_guard"),
        ("subscribers", "0002_guard"),
        ("subscriptions", "0002_guard"),
    ]
    operations = [
        IsolateByTenant(
            "BillingPolicy",
            "Issuer",
            "BillingRun",
            "Invoice",
            "InvoiceLine",
            "Allocation",
            "Skipped",
            "DayTotal",
            "BilledChange",
        ),
        AppendOnly("Issuer", "InvoiceLine", "Allocation", "BilledChange"),
        migrations.RunSQL(NO_OVERLAP + IMMUTABLE + LINES + ALLOCATIONS + DAYS, migrations.RunSQL.noop),
    ]
