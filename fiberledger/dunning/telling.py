"""What subscribers are told: a bill is due or overdue, a line is cut, a line is back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection
from django.utils.translation import gettext as _

from fiberledger import calendar, notices
from fiberledger.notices import Told
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import current_tenant_id

from . import policy, rules
from .cases import CUTTABLE, PAID
from .explaining import why_they_are_off

_REMIND = f"""
    SELECT i.id, i.subscriber_id, i.number, i.due_on, i.currency, i.total - coalesce(paid.amount, 0)
      FROM billing_invoice i
      JOIN LATERAL (SELECT n.status, n.receivable_id FROM subscribers_subscriber n
                     WHERE n.id = i.subscriber_id LIMIT 1) s ON true
      JOIN LATERAL (SELECT a.balance FROM ledger_ledgeraccount a WHERE a.id = s.receivable_id LIMIT 1) r ON true
      {PAID}
     WHERE i.tenant_id = %(tenant)s AND i.status IN ('issued', 'part_paid') AND r.balance > 0
       AND i.due_on >= %(first)s AND i.due_on <= %(last)s
       AND s.status NOT IN ('terminated', 'blacklisted')"""


def remind() -> int:
    """Prepare reminders: before the due date, and when it has passed. Each invoice once each; returns how many."""
    today = calendar.today()
    prepared = 0
    for event, first, last in (
        ("invoice.due_soon", today, today + timedelta(days=policy.in_force().remind_before_days)),
        ("invoice.overdue", today - timedelta(days=30), today - timedelta(days=1)),
    ):
        with connection.cursor() as cursor:
            cursor.execute(_REMIND, {"tenant": current_tenant_id(), "first": first, "last": last})
            told = [
                Told(
                    subscriber_id,
                    f"invoice:{invoice_id}",
                    {
                        "invoice_no": number,
                        "due_date": due_on.isoformat(),
                        "currency": currency,
                        "amount": str(amount),
                    },
                )
                for invoice_id, subscriber_id, number, due_on, currency, amount in cursor.fetchall()
            ]
        prepared += notices.queue_many(event, told)
    return prepared


def tell_suspended(subscription_ids: Sequence[int]) -> int:
    """Prepare the message that says a line was cut for debt: one a subscriber and day."""
    told = {}
    for change in why_they_are_off(subscription_ids):
        said: dict[str, rules.Link] = {link["rule"]: link for link in change.why}
        link = said.get("past_due") or said.get("balance") or {}
        told[change.subscriber_id] = Told(
            change.subscriber_id,
            f"suspended:{change.subscriber_id}:{change.on.isoformat()}",
            {
                "amount": link.get("amount") or link.get("balance") or "",
                "currency": link.get("currency", ""),
                "due_date": link.get("due_on") or "",
            },
        )
    return notices.queue_many("service.suspended", told.values())


def tell_resumed(subscription_ids: Sequence[int]) -> int:
    """Prepare the message that says a line is back, and take back the one that said it was cut, if it waits still."""
    ids = list(
        Subscription.objects.filter(pk__in=list(subscription_ids), status__in=CUTTABLE)
        .values_list("subscriber_id", flat=True)
        .distinct()
    )
    notices.drop(ids, ["service.suspended"], _("The line is back on"))
    day = calendar.today().isoformat()
    return notices.queue_many("service.resumed", [Told(pk, f"resumed:{pk}:{day}") for pk in ids])
