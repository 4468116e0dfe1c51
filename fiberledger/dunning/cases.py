"""What the rules need to know of each subscriber, read for all of a scope in a few queries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from fiberledger import calendar
from fiberledger.notices.models import Notice
from fiberledger.subscribers.states import Status
from fiberledger.tenancy import current_tenant_id

from . import policy, rules, scopes
from .models import AreaGrace

# A run cuts lines that are on. Disputed ones are on as well, but a debt before a court is not cut by a machine.
CUTTABLE = (Status.ACTIVE, Status.OVERDUE)
BATCH = 500  # subscribers or lines in one transaction
NOT_LATE = (Decimal(0), Decimal(0), 0, None, "")  # how much, billed, invoices, since, the oldest one's number


@dataclass(slots=True)
class Case:
    """One subscriber before the rules: who, which lines, and the facts."""

    subscriber_id: int
    number: str
    name: str
    area: str
    area_path: str
    lines: list[int]
    facts: rules.Facts


# What is paid of invoice `i`; an untouched one has no allocations to add up.
PAID = """LEFT JOIN LATERAL (SELECT sum(a.amount) AS amount FROM billing_allocation a
                          WHERE a.invoice_id = i.id AND i.status = 'part_paid') paid ON true"""

# Open past the due date per subscriber: by the partial index of open invoices.
_OVERDUE = f"""
    SELECT i.subscriber_id, sum(i.total - coalesce(paid.amount, 0)) AS overdue, sum(i.total) AS billed,
           count(*) AS invoices, min(i.due_on) AS due_on, (array_agg(i.number ORDER BY i.due_on, i.id))[1] AS number
      FROM billing_invoice i
      {PAID}
     WHERE i.tenant_id = %(tenant)s AND i.status IN ('issued', 'part_paid') AND i.due_on < %(today)s
       {{only}}
     GROUP BY i.subscriber_id"""

# Each LATERAL … LIMIT 1 is a look-up by key that no planner can turn around: of a tenant that is new since the last
# ANALYZE it believes that there is one row of everything, and a plain join may then cost the square of what there is.
_PEOPLE = """
    SELECT s.id, s.number, s.name, coalesce(p.name, ''), coalesce(p.path, ''), r.balance, r.currency, s.is_vip,
           x.until, coalesce(x.why, ''), coalesce(x.given_by, '')
      FROM subscribers_subscriber s
      JOIN LATERAL (SELECT a.balance, a.currency FROM ledger_ledgeraccount a WHERE a.id = s.receivable_id LIMIT 1) r
           ON true
      LEFT JOIN LATERAL (SELECT a.name, a.path FROM places_area a WHERE a.id = s.area_id LIMIT 1) p ON true
      LEFT JOIN LATERAL (SELECT e.until, e.why, e.given_by FROM dunning_exemption e
                          WHERE e.tenant_id = s.tenant_id AND e.subscriber_id = s.id AND e.ended_at IS NULL LIMIT 1) x
           ON true
     WHERE s.tenant_id = %(tenant)s {where}
     ORDER BY s.id"""

_LINES = """
    SELECT l.subscriber_id, array_agg(l.id ORDER BY l.id) FROM subscriptions_subscription l
     WHERE l.tenant_id = %(tenant)s AND l.status = ANY(%(statuses)s) AND l.subscriber_id = ANY(%(ids)s::bigint[])
     GROUP BY l.subscriber_id"""


def cases(
    scope: dict[str, Any],
    *,
    today: date,
    mode: str = "policy",
    all_of_scope: bool = False,
    late: dict[int, tuple] | None = None,
) -> list[Case]:
    """What the rules need to know of everyone in the scope who might be cut, in three queries (more with grace by
    area and reminders), whatever their number.

    `policy` looks at those with something past due, `owing` at those who owe, `everyone` at all with a line on.
    `all_of_scope` gives everyone in the scope, owing or not, with a line or without. `late`: what is past due, by
    subscriber, where the caller has read it.
    """
    where, values = scopes.where(scope)
    values |= {"tenant": current_tenant_id(), "today": today, "statuses": [str(status) for status in CUTTABLE]}
    only = "AND i.subscriber_id = ANY(%(subscribers)s)" if "subscribers" in scope else ""
    with connection.cursor() as cursor:
        if late is None:
            cursor.execute(_OVERDUE.format(only=only), values)
            late = {row[0]: row[1:] for row in cursor.fetchall()}
        if all_of_scope or mode == "everyone":
            pass
        elif mode == "owing":
            where += " AND r.balance > 0"
        else:
            where += " AND s.id = ANY(%(late)s::bigint[])"
            values["late"] = list(late)
        cursor.execute(_PEOPLE.format(where=where), values)
        people = cursor.fetchall()
        cursor.execute(_LINES, values | {"ids": [row[0] for row in people]})
        lines = dict(cursor.fetchall())
    found = []
    for pk, number, name, area, path, balance, currency, is_vip, until, why, by in people:
        if not all_of_scope and pk not in lines:
            continue
        overdue, billed, count, due_on, oldest = late.get(pk, NOT_LATE)
        facts = rules.Facts(
            balance=balance, currency=currency, overdue=overdue, overdue_billed=billed, overdue_count=count,
            oldest_due_on=due_on, oldest_number=oldest, is_vip=is_vip, exempt_until=until, exempt_why=why,
            exempt_by=by,
        )  # fmt: skip
        found.append(Case(pk, number, name, area, path, lines.get(pk, []), facts))
    _add_grace(found)
    if policy.in_force().remind_first:
        _add_reminders(found)
    return found


def _add_grace(found: list[Case]) -> None:
    own = {grace.area.path: grace for grace in AreaGrace.objects.select_related("area")}
    if not own:
        return
    known: dict[str, AreaGrace | None] = {}
    for case in found:
        if case.area_path not in known:
            path, nearest = case.area_path, None
            while path and path != "/" and nearest is None:
                nearest = own.get(path)
                path = path[: path.rstrip("/").rfind("/") + 1]
            known[case.area_path] = nearest
        if (grace := known[case.area_path]) is not None:
            case.facts = replace(case.facts, grace_days=grace.days, grace_of=grace.area.name)


def _add_reminders(found: list[Case]) -> None:
    oldest = min((case.facts.oldest_due_on for case in found if case.facts.oldest_due_on), default=None)
    if oldest is None:
        return
    sent: dict[int, Any] = {}
    for subscriber_id, at in (
        Notice.objects.filter(
            event__in=["invoice.due_soon", "invoice.overdue"],
            state=Notice.State.SENT,
            sent_at__gte=calendar.start_of_day(oldest - timedelta(days=60)),
            subscriber_id__in=[case.subscriber_id for case in found],
        )
        .order_by("sent_at")
        .values_list("subscriber_id", "sent_at")
    ):
        sent.setdefault(subscriber_id, at)
    for case in found:
        if case.subscriber_id in sent:
            case.facts = replace(case.facts, reminded_on=calendar.local(sent[case.subscriber_id]).date())
