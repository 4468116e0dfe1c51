from django.db import migrations

from fiberledger.tenancy.operations import AppendOnly, IsolateByTenant

# Both run once a statement on its transition table, so a run of a hundred thousand postings is checked in one pass.
# A deferred trigger would read the table through row-level security, and may see nothing to refuse.
TRIGGERS = """
CREATE FUNCTION ledger_refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  SELECT entry_id, currency, sum(amount) AS off INTO bad FROM added
  GROUP BY entry_id, currency HAVING sum(amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'journal entry % does not balance: % % too much', bad.entry_id, bad.off, bad.currency
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER refuse_unbalanced AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_unbalanced();

CREATE FUNCTION ledger_keep_party_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE ledger_ledgeraccount a SET balance = a.balance + s.total
  FROM (SELECT account_id, sum(amount) AS total FROM added GROUP BY account_id) s
  WHERE a.id = s.account_id AND a.is_party;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_party_balance AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_keep_party_balance();

ALTER TABLE ledger_ledgeraccount SET (fillfactor = 80);
CREATE INDEX ledger_owing ON ledger_ledgeraccount (tenant_id, currency) INCLUDE (balance) WHERE is_party AND balance > 0;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial"), ("tenancy", "0002_guard")]
    operations = [
        IsolateByTenant("LedgerAccount", "JournalEntry", "Posting"),
        AppendOnly("JournalEntry", "Posting"),
        migrations.RunSQL(TRIGGERS, migrations.RunSQL.noop),
    ]
