from django.db import migrations

# The rule of rules.settle for any number of subscribers: lay the debts of each end to end, the credits too, and see where
# they overlap. An entry that reverses another, and one that was reversed, hold nothing. Row by row on
# purpose: what was just written has no statistics yet, and a join planned without them may read a whole table.
SETTLE = """
CREATE OR REPLACE FUNCTION billing_settle(tenant bigint, subscribers bigint[], only_invoices bigint[], day date, moment timestamptz)
RETURNS TABLE (invoice_id bigint) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH owing AS MATERIALIZED (
    SELECT s.id AS subscriber_id, s.receivable_id, i.id, i.due_on, i.total - paid.amount AS amount
      FROM unnest(subscribers) AS asked (id)
      CROSS JOIN LATERAL (
        SELECT b.id, b.receivable_id FROM subscribers_subscriber b WHERE b.tenant_id = tenant AND b.id = asked.id OFFSET 0) s
      CROSS JOIN LATERAL (
        SELECT v.id, v.due_on, v.total, v.status FROM billing_invoice v
         WHERE v.tenant_id = tenant AND v.subscriber_id = s.id AND v.status IN ('issued', 'part_paid') OFFSET 0) i
      CROSS JOIN LATERAL (
        SELECT coalesce(sum(l.amount), 0) AS amount FROM billing_allocation l WHERE l.invoice_id = i.id OFFSET 0) paid
     WHERE only_invoices IS NULL OR i.id = ANY(only_invoices)),
  debt AS MATERIALIZED (
    SELECT o.*, sum(o.amount) OVER w - o.amount AS low, sum(o.amount) OVER w AS high FROM owing o WHERE o.amount > 0
    WINDOW w AS (PARTITION BY o.subscriber_id ORDER BY o.due_on, o.id)),
  holding AS MATERIALIZED (
    SELECT d.subscriber_id, c.entry_id, c.day, c.amount - used.amount AS amount
      FROM (SELECT DISTINCT subscriber_id, receivable_id FROM debt) d
      CROSS JOIN LATERAL (
        SELECT p.entry_id, min(p."on") AS day, -sum(p.amount) AS amount FROM ledger_posting p
         WHERE p.account_id = d.receivable_id AND p.amount < 0 GROUP BY p.entry_id OFFSET 0) c
      CROSS JOIN LATERAL (
        SELECT coalesce(sum(l.amount), 0) AS amount FROM billing_allocation l
          CROSS JOIN LATERAL (SELECT v.subscriber_id FROM billing_invoice v WHERE v.id = l.invoice_id OFFSET 0) i
         WHERE l.entry_id = c.entry_id AND i.subscriber_id = d.subscriber_id OFFSET 0) used
     WHERE c.amount > used.amount),
  credit AS MATERIALIZED (
    SELECT h.*, sum(h.amount) OVER w - h.amount AS low, sum(h.amount) OVER w AS high FROM holding h
      CROSS JOIN LATERAL (SELECT e.reverses_id FROM ledger_journalentry e WHERE e.id = h.entry_id OFFSET 0) own
      CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM ledger_journalentry r WHERE r.reverses_id = h.entry_id OFFSET 0) undone
     WHERE own.reverses_id IS NULL AND undone.n = 0
    WINDOW w AS (PARTITION BY h.subscriber_id ORDER BY h.day, h.entry_id))
  INSERT INTO billing_allocation (tenant_id, invoice_id, entry_id, amount, "on", at)
  SELECT tenant, debt.id, credit.entry_id, least(debt.high, credit.high) - greatest(debt.low, credit.low), day, moment
    FROM debt JOIN credit ON credit.subscriber_id = debt.subscriber_id
   WHERE credit.low < debt.high AND debt.low < credit.high ORDER BY debt.id, credit.entry_id
  RETURNING invoice_id;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_guard")]
    operations = [migrations.RunSQL(SETTLE, migrations.RunSQL.noop)]
