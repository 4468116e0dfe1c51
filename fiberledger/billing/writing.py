"""From decisions to rows: a few hundred decisions and a list of (subscription, decision) are handed to PostgreSQL,
which makes invoices, lines, journal entries, postings, audit entries and notices of them, one statement a table.

(COPY is refused on a table with row-level security, so it fills temporary tables that the statements read.)

What a row needs besides is looked up by its id, LATERAL … LIMIT 1: of a tenant too new for statistics PostgreSQL expects one
row of everything, and would join by going through all of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.db import connection

from fiberledger import audit, calendar, notices
from fiberledger.tenancy import current_tenant, current_tenant_id, numbers
from fiberledger.tenancy.models import Profile

from .deciding import Decision, Skip
from .models import BillingPolicy, Issuer

OPENING_PREFIX = "OB-"

_TABLES = """
CREATE TEMPORARY TABLE billing_stage (
  seq bigint, kind text, subscriber_id bigint, subscription_id bigint, decision integer,
  invoice_id bigint DEFAULT nextval('billing_invoice_id_seq'),
  entry_id bigint DEFAULT nextval('ledger_journalentry_id_seq')) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE billing_decision (
  no integer PRIMARY KEY, period_start date, period_end date, due_on date, currency text, language text,
  net numeric, tax numeric, total numeric, plan jsonb, note text) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE billing_decision_line (
  no integer, position smallint, kind text, text text, quantity numeric, unit_price numeric, net numeric,
  tax_name text, tax_percent numeric, tax numeric, total numeric, period_start date, period_end date, why jsonb
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE billing_decision_posting (no integer, account_id bigint, amount numeric) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE billing_moved (subscription_id bigint, billed_until date) ON COMMIT DELETE ROWS;
"""

_ENTRIES = """
INSERT INTO ledger_journalentry (id, tenant_id, cause, "on", at, memo, actor_name, reverses_id)
SELECT entry_id, %(tenant)s, 'invoice:' || invoice_id, %(on)s, %(at)s, '', %(by)s, NULL
  FROM billing_stage ORDER BY seq"""

_POSTINGS = """
INSERT INTO ledger_posting (tenant_id, entry_id, account_id, currency, amount, "on")
SELECT %(tenant)s, st.entry_id, b.receivable_id, d.currency, d.total, %(on)s
  FROM billing_stage st JOIN billing_decision d ON d.no = st.decision
  JOIN LATERAL (SELECT s.receivable_id FROM subscribers_subscriber s WHERE s.id = st.subscriber_id LIMIT 1) b ON true
UNION ALL
SELECT %(tenant)s, st.entry_id, p.account_id, d.currency, p.amount, %(on)s
  FROM billing_stage st JOIN billing_decision d ON d.no = st.decision
  JOIN billing_decision_posting p ON p.no = st.decision"""

# What stood on the page before: what stands there now without this invoice and those after it in the same breath.
_INVOICES = """
INSERT INTO billing_invoice (id, tenant_id, number, kind, subscriber_id, subscription_id, period_start, period_end,
    issued_on, due_on, currency, net, tax, total, previous_balance, status, run_id, issuer_id, entry_id, language,
    snapshot, note, created_at, created_by_name, void_reason)
SELECT st.invoice_id, %(tenant)s, %(prefix)s || lpad((%(base)s + st.seq)::text,
         greatest(%(digits)s, length((%(base)s + st.seq)::text)), '0'),
       st.kind, st.subscriber_id, st.subscription_id, d.period_start, d.period_end, %(on)s, d.due_on, d.currency,
       d.net, d.tax, d.total,
       a.balance - sum(d.total) OVER (PARTITION BY st.subscriber_id ORDER BY st.seq
                                      ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING),
       'issued', %(run)s, %(issuer)s, st.entry_id, d.language,
       jsonb_build_object('plan', d.plan, 'buyer', jsonb_build_object(
         'name', b.name, 'number', b.number, 'guardian', b.guardian, 'phone', b.phone, 'email', b.email,
         'address', concat_ws(', ', nullif(b.street_house, ''), nullif(b.address, '')),
         'area', coalesce(nullif(ar.path_names, ''), ar.name), 'branch', br.name, 'reseller', b.reseller_name)),
       d.note, %(at)s, %(by)s, ''
  FROM billing_stage st JOIN billing_decision d ON d.no = st.decision
  JOIN LATERAL (SELECT * FROM subscribers_subscriber s WHERE s.id = st.subscriber_id LIMIT 1) b ON true
  JOIN LATERAL (SELECT l.balance FROM ledger_ledgeraccount l WHERE l.id = b.receivable_id LIMIT 1) a ON true
  LEFT JOIN LATERAL (SELECT p.name, p.path_names FROM places_area p WHERE p.id = b.area_id LIMIT 1) ar ON true
  LEFT JOIN LATERAL (SELECT p.name FROM places_branch p WHERE p.id = b.branch_id LIMIT 1) br ON true"""

_LINES = """
INSERT INTO billing_invoiceline (tenant_id, invoice_id, position, kind, text, quantity, unit_price, net, tax_name,
    tax_percent, tax, total, period_start, period_end, why)
SELECT %(tenant)s, st.invoice_id, l.position, l.kind, l.text, l.quantity, l.unit_price, l.net, l.tax_name,
       l.tax_percent, l.tax, l.total, l.period_start, l.period_end, l.why
  FROM billing_stage st JOIN billing_decision_line l ON l.no = st.decision ORDER BY st.seq, l.position"""

_MOVE = """
UPDATE subscriptions_subscription s SET billed_until = m.billed_until FROM billing_moved m
 WHERE s.id = m.subscription_id AND s.tenant_id = %(tenant)s"""

_AUDITED = """
SELECT 'billing.invoice', i.id, i.number, NULL::jsonb,
       jsonb_build_object('total', i.total, 'currency', i.currency, 'due_on', i.due_on)
  FROM billing_stage st JOIN LATERAL (SELECT * FROM billing_invoice WHERE id = st.invoice_id LIMIT 1) i ON true
 ORDER BY st.seq"""

_TOLD = """
SELECT i.subscriber_id, 'invoice:' || i.id,
       jsonb_build_object('invoice_no', i.number, 'amount', trim_scale(i.total)::text, 'currency', i.currency,
         'due_date', i.due_on, 'package_name', coalesce(d.plan->>'name', ''))
  FROM billing_stage st JOIN LATERAL (SELECT * FROM billing_invoice WHERE id = st.invoice_id LIMIT 1) i ON true
  JOIN billing_decision d ON d.no = st.decision"""

_OWING = """
SELECT i.subscriber_id, sum(i.total - CASE WHEN i.status = 'issued' THEN 0 ELSE coalesce((
         SELECT sum(l.amount) FROM billing_allocation l
          WHERE l.tenant_id = %(tenant)s AND l.invoice_id = i.id), 0) END)
  FROM billing_invoice i
 WHERE i.tenant_id = %(tenant)s AND i.subscriber_id = ANY(%(subscribers)s) AND i.status IN ('issued', 'part_paid')
 GROUP BY i.subscriber_id"""

_BALANCES = """
SELECT st.id, a.balance FROM unnest(%(subscribers)s::bigint[]) AS st (id)
  JOIN LATERAL (SELECT s.receivable_id FROM subscribers_subscriber s WHERE s.id = st.id LIMIT 1) b ON true
  JOIN LATERAL (SELECT l.balance FROM ledger_ledgeraccount l WHERE l.id = b.receivable_id LIMIT 1) a ON true"""


def issuer() -> Issuer:
    """The seller as it stands now; the same text is one row however many invoices bear it."""
    tenant, profile = current_tenant(), Profile.objects.first()
    data = {
        "name": profile.legal_name if profile else tenant.name,
        **{
            name: getattr(profile, name, "") or ""
            for name in ("phone", "email", "address", "website", "tax_number", "sales_tax_number", "brand_color",
                         "invoice_footer", "terms")
        },
        "logo_file_id": getattr(profile, "logo_file_id", None),
        "country": tenant.country,
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    found = Issuer.objects.filter(digest=digest).first()
    if found:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO billing_issuer (tenant_id, digest, data, created_at) VALUES (%s, %s, %s, %s)
               ON CONFLICT (tenant_id, digest) DO NOTHING""",
            [current_tenant_id(), digest, json.dumps(data), calendar.now()],
        )
    return Issuer.objects.get(digest=digest)


Staged = tuple[str, int, int | None, Decision]


def write(
    staged: Sequence[Staged],
    moved: Sequence[tuple[int, date]],
    *,
    on: date,
    by: Any,
    policy: BillingPolicy,
    run_id: int | None = None,
    counter: str = "invoice",
    tell: bool = True,
    notes: dict[int, str] | None = None,
) -> tuple[list[int], list[int]]:
    """Write everything that these invoices mean, in this transaction. The subscribers are locked by the caller.

    Returns the invoices' ids (in order) and the subscribers who have idle credit to settle with.
    """
    tenant_id = current_tenant_id()
    with connection.cursor() as cursor:
        _stage(cursor, staged, moved, notes or {})
        values: dict[str, Any] = {
            "tenant": tenant_id, "on": on, "at": calendar.now(), "by": by.name[:160], "run": run_id,
        }  # fmt: skip
        if moved:
            cursor.execute(_MOVE, values)
        if not staged:
            return [], []
        values["issuer"] = issuer().pk
        cursor.execute(_ENTRIES, values)
        cursor.execute(_POSTINGS, values)
        taken = numbers.take(counter, len(staged))  # as late as can be: everybody who numbers waits for us from here
        prefix = policy.number_prefix if counter == "invoice" else OPENING_PREFIX
        cursor.execute(_INVOICES, values | {"base": taken[0] - 1, "prefix": prefix, "digits": policy.number_digits})
        cursor.execute(_LINES, values)
        audit.note_from(by, "invoice.issued", _AUDITED)
        if tell:
            notices.queue_from("invoice.issued", _TOLD)
        values["subscribers"] = sorted({subscriber_id for _kind, subscriber_id, _what, _decision in staged})
        cursor.execute(_OWING, values)
        owing = dict(cursor.fetchall())
        cursor.execute(_BALANCES, values)
        # Credit lies idle exactly where the page says less than the open invoices do.
        idle = [pk for pk, balance in cursor.fetchall() if pk in owing and balance < owing[pk]]
        cursor.execute("SELECT invoice_id FROM billing_stage ORDER BY seq")
        return [row[0] for row in cursor.fetchall()], idle


def _stage(cursor: Any, staged: Sequence[Staged], moved: Sequence[tuple[int, date]], notes: dict[int, str]) -> None:
    cursor.execute("SELECT to_regclass('pg_temp.billing_moved') IS NOT NULL")
    if cursor.fetchone()[0]:
        cursor.execute(
            "DELETE FROM billing_stage; DELETE FROM billing_decision; DELETE FROM billing_decision_line;"
            "DELETE FROM billing_decision_posting; DELETE FROM billing_moved"
        )
    else:
        cursor.execute(_TABLES)
    _copy(cursor, "billing_moved (subscription_id, billed_until)", moved)
    if not staged:
        return
    decisions = {decision.no: decision for _kind, _who, _what, decision in staged}
    _copy(
        cursor,
        "billing_stage (seq, kind, subscriber_id, subscription_id, decision)",
        (
            (seq, kind, subscriber_id, subscription_id, decision.no)
            for seq, (kind, subscriber_id, subscription_id, decision) in enumerate(staged, 1)
        ),
    )
    _copy(
        cursor,
        "billing_decision",
        (
            (d.no, d.start, d.end, d.due_on, d.currency, d.language, d.net, d.tax, d.total,
             json.dumps(d.plan, ensure_ascii=False), notes.get(d.no, ""))
            for d in decisions.values()
        ),
    )  # fmt: skip
    _copy(
        cursor,
        "billing_decision_line",
        (
            (d.no, position, line.kind, text[:200], line.quantity, line.unit_price, line.net,
             tax_name if line.tax_percent else "", line.tax_percent, line.tax, line.total, line.start, line.end,
             json.dumps(line.why, ensure_ascii=False))
            for d in decisions.values()
            for position, (line, text, tax_name) in enumerate(zip(d.lines, d.texts, d.tax_names, strict=True), 1)
        ),
    )  # fmt: skip
    _copy(
        cursor,
        "billing_decision_posting",
        ((d.no, account_id, amount) for d in decisions.values() for account_id, amount in d.credits),
    )
    if len(staged) > 100:
        # A temporary table has no statistics, and nobody gathers them for us.
        cursor.execute("ANALYZE billing_stage, billing_decision, billing_decision_line, billing_decision_posting")


_ESCAPE = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _copy(cursor: Any, target: str, rows: Iterable[Sequence[Any]]) -> None:
    lines = [
        "\t".join(
            [
                "\\N" if value is None else value.translate(_ESCAPE) if isinstance(value, str) else str(value)
                for value in row
            ]
        )
        for row in rows
    ]
    if lines:
        with cursor.copy(f"COPY {target} FROM STDIN") as copy:
            copy.write(("\n".join(lines) + "\n").encode())


_SKIPPED = """
INSERT INTO billing_skipped (tenant_id, run_id, subscription_id, reason, period_start, period_end)
SELECT %s, %s, s.* FROM unnest(%s::bigint[], %s::text[], %s::date[], %s::date[]) AS s
ON CONFLICT DO NOTHING"""


def write_skips(run_id: int, skips: Sequence[tuple[int, Skip]]) -> None:
    if not skips:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SKIPPED,
            [
                current_tenant_id(), run_id, [sid for sid, _ in skips], [str(s.reason) for _, s in skips],
                [s.start for _, s in skips], [s.end for _, s in skips],
            ],
        )  # fmt: skip
