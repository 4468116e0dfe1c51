"""Which money pays which invoice: credits on a subscriber's page against their open invoices, each oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from fiberledger import calendar, jobs
from fiberledger.tenancy import current_tenant_id
from fiberledger.tenancy.hot import hot

from .events import InvoicesSettled

# The statement itself stands in migration 0003, as a function: a till that settles one payment after another then
# plans it once a connection and not each time.
_SETTLE = (
    "SELECT invoice_id FROM billing_settle(%(tenant)s, %(subscribers)s::bigint[], %(only)s::bigint[], %(on)s, %(at)s)"
)

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


def unsettle(*entry_ids: int) -> list[int]:
    """What these journal entries had paid is open again. Returns those invoices' ids. The caller holds the locks."""
    return _take_back("entry_id", entry_ids)


def release(invoice_ids: Sequence[int]) -> list[int]:
    """Whatever had paid these invoices is free to pay others."""
    return _take_back("invoice_id", invoice_ids)


def _take_back(column: str, ids: Sequence[int]) -> list[int]:
    values: list[Any] = [calendar.today(), calendar.now(), current_tenant_id(), list(ids)]
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_BACK.format(column=column), values)
        return [row[0] for row in cursor.fetchall()]
