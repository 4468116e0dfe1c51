"""Which money pays which invoice: credits on a subscriber's page against their open invoices, each oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from fiberledger import calendar, jobs
from fiberledger.tenancy import current_tenant_id
from fiberledger.tenancy.hot import hot

from .events import InvoicesSettled

# The same rule as rules.settle: lay the debts of a subscriber end to end, the credits too, and see where they overlap.
# An entry that reverses another, and one that was reversed, hold nothing.
_SETTLE = """
WITH page AS MATERIALIZED (
  SELECT s.id AS subscriber_id, s.receivable_id FROM subscribers_subscriber s
   WHERE s.tenant_id = %(tenant)s AND s.id = ANY(%(subscribers)s::bigint[])),
debt AS (
  SELECT *, sum(owing) OVER w - owing AS low, sum(owing) OVER w AS high FROM (
    SELECT i.id, i.subscriber_id, i.due_on, i.total - coalesce((
             SELECT sum(l.amount) FROM billing_allocation l
              WHERE l.tenant_id = %(tenant)s AND l.invoice_id = i.id), 0) AS owing
      FROM page JOIN billing_invoice i ON i.tenant_id = %(tenant)s AND i.subscriber_id = page.subscriber_id
     WHERE i.status IN ('issued', 'part_paid') AND (%(only)s::bigint[] IS NULL OR i.id = ANY(%(only)s::bigint[]))) o
   WHERE owing > 0 WINDOW w AS (PARTITION BY subscriber_id ORDER BY due_on, id)),
credit AS (
  SELECT *, sum(holding) OVER w - holding AS low, sum(holding) OVER w AS high FROM (
    SELECT c.subscriber_id, c.entry_id, c.day, c.amount - coalesce((
             SELECT sum(l.amount) FROM billing_allocation l JOIN billing_invoice i ON i.id = l.invoice_id
              WHERE l.tenant_id = %(tenant)s AND l.entry_id = c.entry_id AND i.subscriber_id = c.subscriber_id),
             0) AS holding
      FROM (SELECT page.subscriber_id, p.entry_id, min(p."on") AS day, -sum(p.amount) AS amount
              FROM page JOIN ledger_posting p ON p.account_id = page.receivable_id AND p.tenant_id = %(tenant)s
             WHERE p.amount < 0 AND EXISTS (SELECT FROM debt d WHERE d.subscriber_id = page.subscriber_id)
             GROUP BY page.subscriber_id, p.entry_id) c
      JOIN ledger_journalentry e ON e.id = c.entry_id AND e.reverses_id IS NULL
     WHERE NOT EXISTS (SELECT FROM ledger_journalentry r WHERE r.reverses_id = c.entry_id)) h
   WHERE holding > 0 WINDOW w AS (PARTITION BY subscriber_id ORDER BY day, entry_id))
INSERT INTO billing_allocation (tenant_id, invoice_id, entry_id, amount, "on", at)
SELECT %(tenant)s, debt.id, credit.entry_id, least(debt.high, credit.high) - greatest(debt.low, credit.low),
       %(on)s, %(at)s
  FROM debt JOIN credit USING (subscriber_id) WHERE credit.low < debt.high AND debt.low < credit.high
 ORDER BY debt.id, credit.entry_id
RETURNING invoice_id"""

_WHOSE = """
SELECT DISTINCT subscriber_id FROM billing_invoice WHERE tenant_id = %s AND id = ANY(%s) ORDER BY subscriber_id"""


def settle_open_invoices(subscriber_ids: Iterable[int], only_invoices: Sequence[int] | None = None) -> list[int]:
    """Pay what is open with what is there, oldest first, for all these subscribers in one statement.

    `only_invoices`: nothing else is paid, and what they do not take stays as advance. The caller holds the
    subscribers' locks. Returns the ids of the invoices that were paid, wholly or in part.
    """
    subscribers = list(subscriber_ids)
    if not subscribers:
        return []
    settled = hot(
        _SETTLE,
        {
            "tenant": current_tenant_id(), "subscribers": subscribers, "on": calendar.today(),
            "at": calendar.now(), "only": None if only_invoices is None else list(only_invoices),
        },
    )  # fmt: skip
    paid = sorted({row[0] for row in settled.fetchall()})
    if not paid:
        return []
    if len(subscribers) > 1 and jobs.listeners.get(InvoicesSettled):
        with connection.cursor() as cursor:
            cursor.execute(_WHOSE, [current_tenant_id(), paid])
            subscribers = [row[0] for row in cursor.fetchall()]
    jobs.publish(InvoicesSettled(subscribers))
    return paid


_TAKE_BACK = """
INSERT INTO billing_allocation (tenant_id, invoice_id, entry_id, amount, "on", at)
SELECT tenant_id, invoice_id, entry_id, -sum(amount), %s, %s FROM billing_allocation
 WHERE tenant_id = %s AND {column} = ANY(%s) GROUP BY tenant_id, invoice_id, entry_id HAVING sum(amount) <> 0
RETURNING invoice_id"""


def unsettle(entry_id: int) -> list[int]:
    """What this journal entry had paid is open again. Returns those invoices' ids. The caller holds the lock."""
    return _take_back("entry_id", [entry_id])


def release(invoice_ids: Sequence[int]) -> list[int]:
    """Whatever had paid these invoices is free to pay others."""
    return _take_back("invoice_id", invoice_ids)


def _take_back(column: str, ids: Sequence[int]) -> list[int]:
    values: list[Any] = [calendar.today(), calendar.now(), current_tenant_id(), list(ids)]
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_BACK.format(column=column), values)
        return [row[0] for row in cursor.fetchall()]
