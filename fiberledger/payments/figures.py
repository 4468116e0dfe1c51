"""Money that came in, from the postings: what reached cash and bank, less what was given back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Sum
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fiberledger import calendar
from fiberledger.ledger.models import LedgerAccount
from fiberledger.money import Money
from fiberledger.screens import Chart, ChartData, Figure, Reading, WorkItem, Worklist, kept
from fiberledger.screens import scope as picker
from fiberledger.tenancy import current_tenant, current_tenant_id

from .models import CashClosing, Payment

# Cash over and short moves between cash and its own account; counting both leaves what subscribers brought.
_ROLES = ["cash", "bank", "cash_difference"]

_BY_DAY = """
    SELECT p."on", sum(p.amount) FROM ledger_posting p
     WHERE p.account_id = ANY(%s) AND p."on" >= %s AND p."on" <= %s GROUP BY p."on" """


def collected_by_day(first: date, last: date, currency: str | None = None) -> dict[date, Decimal]:
    """What came in on each day, reversals taken off on the day they were made. Days without any are left out."""
    currency = currency or current_tenant().currency
    accounts = list(
        LedgerAccount.objects.control().filter(role__in=_ROLES, currency=currency).values_list("pk", flat=True)
    )
    with connection.cursor() as cursor:
        cursor.execute(_BY_DAY, [accounts, first, last])
        return dict(cursor.fetchall())


def _by_day(request: Any, first: date, last: date) -> dict[date, Decimal]:
    """The same for what the actor may see, in the scope they chose."""
    if not request.actor.is_limited and not picker.current(request):
        return collected_by_day(first, last)
    rows = picker.narrow(request, Payment.objects.visible_to(request.actor)).filter(currency=current_tenant().currency)
    days: dict[date, Decimal] = dict(
        rows.filter(received_on__range=(first, last)).order_by().values_list("received_on").annotate(Sum("amount"))
    )
    back = rows.filter(reversed_at__isnull=False, reversed_on__range=(first, last)).order_by()
    for day, amount in back.values_list("reversed_on").annotate(Sum("amount")):
        days[day] = days.get(day, Decimal(0)) - amount
    return days


@kept
def _today(request: Any) -> Reading:
    today, currency = calendar.today(), current_tenant().currency
    days = _by_day(request, today - timedelta(days=13), today)
    trend = [days.get(today - timedelta(days=n), Decimal(0)) for n in range(13, -1, -1)]
    return Reading(
        Money(trend[-1], currency),
        before=Money(trend[-8], currency),
        note=_("on a week ago"),
        trend=[float(amount) for amount in trend],
    )


@kept
def _month(request: Any) -> Reading:
    today, currency = calendar.today(), current_tenant().currency
    this = today.replace(day=1)
    last = calendar.add_months(this, -1)
    days = _by_day(request, last, today)
    so_far = sum((amount for day, amount in days.items() if day >= this), Decimal(0))
    then = calendar.clamp_day(last.year, last.month, today.day)
    before = sum((amount for day, amount in days.items() if day <= then), Decimal(0))
    return Reading(Money(so_far, currency), before=Money(before, currency), note=_("on last month"))


_MINE = """
    SELECT coalesce(sum(p.amount), 0), count(*) FROM payments_payment m
      JOIN LATERAL (SELECT sum(h.amount) AS amount FROM ledger_posting h
                     WHERE h.entry_id = m.entry_id AND h.account_id = m.account_id) p ON true
     WHERE m.tenant_id = %s AND m.received_on = %s AND m.collector_id = %s AND m.reversed_at IS NULL"""


def _mine(request: Any) -> Reading:
    with connection.cursor() as cursor:
        cursor.execute(_MINE, [current_tenant_id(), calendar.today(), request.actor.membership_id])
        amount, count = cursor.fetchone()
    note = ngettext("%(n)d payment", "%(n)d payments", count) % {"n": count}
    return Reading(Money(amount, current_tenant().currency), note=note)


_BY_COLLECTOR = """
    SELECT coalesce(nullif(max(m.collector_name), ''), '–'), sum(p.amount) FROM payments_payment m
      JOIN LATERAL (SELECT sum(h.amount) AS amount FROM ledger_posting h
                     WHERE h.entry_id = m.entry_id AND h.account_id = m.account_id) p ON true
     WHERE m.tenant_id = %s AND m.received_on BETWEEN %s AND %s AND m.currency = %s AND m.reversed_at IS NULL
     GROUP BY m.collector_id ORDER BY sum(p.amount) DESC LIMIT 12"""


def collected_by_collector(first: date, last: date) -> list[tuple[str, Decimal]]:
    """Who brought how much, reversed payments left out, the most first."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_COLLECTOR, [current_tenant_id(), first, last, current_tenant().currency])
        return cursor.fetchall()


@kept
def _collectors(request: Any) -> ChartData:
    today = calendar.today()
    rows = collected_by_collector(today.replace(day=1), today)
    summary = _("%(who)s brought the most this month.") % {"who": rows[0][0]} if rows else ""
    return ChartData(
        [name for name, _amount in rows],
        [(_("Collected"), [float(amount) for _name, amount in rows])],
        summary,
        kind="across",
        unit=current_tenant().currency,
    )


@kept
def _days(request: Any) -> ChartData:
    today = calendar.today()
    days = _by_day(request, today - timedelta(days=29), today)
    labels = [today - timedelta(days=n) for n in range(29, -1, -1)]
    return ChartData(
        [date_format(day, "j M") for day in labels],
        [(_("Collected"), [float(days.get(day, 0)) for day in labels])],
        _("What came in on each of the last thirty days."),
        kind="bar",
        unit=current_tenant().currency,
    )


def _work(request: Any) -> Iterable[WorkItem]:
    if request.actor.may("payments.approve_closing"):
        waiting = CashClosing.objects.filter(status=CashClosing.Status.WAITING).count()
        if waiting:
            yield WorkItem(
                ngettext("Cash closing to approve", "Cash closings to approve", waiting),
                reverse("payments:closing-list") + "?status=waiting&view=waiting",
                _("Compare what was counted with the book."),
                icon="clipboard-check",
                tone="warn",
                count=waiting,
            )


FIGURES = [
    Figure(
        "collected_today", gettext_lazy("Collected today"), _today, url="payments:payment-list", icon="banknote",
        permission="payments.view", desks=("owner",), order=10,
    ),
    Figure(
        "collected_month", gettext_lazy("Collected this month"), _month, url="payments:payment-list",
        icon="calendar-days", permission="payments.view", desks=("owner",), order=20,
    ),
    Figure(
        "my_collection", gettext_lazy("I collected today"), _mine, url="payments:cash", icon="hand-coins",
        permission="payments.record", desks=("cash",), order=10,
    ),
    Worklist("closings", gettext_lazy("Cash"), _work, permission="payments.view", desks=("owner", "cash"), order=30),
    Chart(
        "collection_days", gettext_lazy("Collection by day"), _days, permission="payments.view",
        desks=("owner", "cash"), order=20,
    ),
    Chart(
        "collection_by_collector", gettext_lazy("Collection by collector this month"), _collectors,
        permission="payments.any_cash", desks=("owner",), order=40,
    ),
]  # fmt: skip
