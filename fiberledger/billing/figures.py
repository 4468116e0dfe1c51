"""What the owner and the cashier see of billing at a glance. Every number is a sum answered by one index."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fiberledger import calendar
from fiberledger.ledger.models import LedgerAccount
from fiberledger.money import Money, show
from fiberledger.screens import Chart, ChartData, Figure, Reading, WorkItem, Worklist, kept, scope
from fiberledger.subscribers import states
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import current_tenant

from . import reading
from .models import BillingRun, Invoice

_MOST = 10_000


def _mine(request: Any) -> Any:
    return scope.narrow(request, Invoice.objects.visible_to(request.actor))


def _is_everything(request: Any) -> bool:
    return not request.actor.is_limited and not scope.current(request)


@kept
def _billed(request: Any) -> Reading:
    today, currency = calendar.today(), current_tenant().currency
    low, high = reading.month_of(today)
    before_low, before_high = reading.month_of(low - timedelta(days=1))
    # The same stretch of last month: the 10th is not compared with a whole month.
    same_day = min(before_low + (today - low) + timedelta(days=1), before_high)
    rows = None if _is_everything(request) else _mine(request)
    return Reading(
        Money(reading.billed_between(low, high, currency, rows), currency),
        before=Money(reading.billed_between(before_low, same_day, currency, rows), currency),
        note=_("on last month"),
    )


@kept
def _pending(request: Any) -> Reading:
    currency = current_tenant().currency
    if _is_everything(request):
        owing = LedgerAccount.objects.filter(is_party=True, currency=currency, balance__gt=0).aggregate(
            s=Sum("balance"), n=Count("pk")
        )
    else:
        owing = (
            scope.narrow(request, Subscriber.objects.visible_to(request.actor))
            .filter(receivable__balance__gt=0, receivable__currency=currency)
            .aggregate(s=Sum("receivable__balance"), n=Count("pk"))
        )
    note = ngettext("%(n)s subscriber owes", "%(n)s subscribers owe", owing["n"]) % {"n": f"{owing['n']:,}"}
    return Reading(Money(owing["s"] or Decimal(0), currency), note=note, rising_is="bad")


@kept
def _overdue(request: Any) -> Reading:
    count = _mine(request).overdue(calendar.today())[: _MOST + 1].count()
    shown = count if count <= _MOST else f"{_MOST:,}+"  # beyond that, counting costs more than knowing is worth
    return Reading(shown, note=_("invoices past due"), tone="warn" if count else "good", rising_is="bad")


def _to_bill(request: Any) -> list[WorkItem]:
    """Lines whose period began and that nobody has billed."""
    if not request.actor.may("billing.run"):
        return []
    today = calendar.today()
    late = Subscription.objects.visible_to(request.actor).filter(
        status__in=[str(s) for s in states.BILLED], billing="prepaid", billed_until__lte=today
    )
    count = scope.narrow(request, late)[:_MOST].count()
    if not count:
        return []
    return [
        WorkItem(
            ngettext("%(n)s line waits to be billed", "%(n)s lines wait to be billed", count) % {"n": f"{count:,}"},
            reverse("billing:run-new"), _("Their period has begun; a billing run makes the invoices."), "calendar-check",
            count=count, action=_("Run billing"),
        )
    ]  # fmt: skip


def _failed(request: Any) -> list[WorkItem]:
    found: Any = BillingRun.objects.filter(run__state="failed").select_related("run").order_by("-pk")[:3]
    return [
        WorkItem(_("A billing run stopped in the middle"), reverse("billing:run", args=[run.pk]), run.run.message,
                 "circle-alert", "bad", action=_("Look"))
        for run in found
    ]  # fmt: skip


@kept
def _by_month(request: Any) -> ChartData:
    """Invoiced in each of the last six months."""
    currency, today = current_tenant().currency, calendar.today()
    low = calendar.add_months(calendar.month_start(today), -5, 1)
    rows = reading.billed_by_month(low, currency, None if _is_everything(request) else _mine(request))
    months = [calendar.add_months(low, n, 1) for n in range(6)]
    values = [rows.get(month, 0) for month in months]
    summary = _("Invoiced this month: %s.") % show(Money(Decimal(values[-1]), currency))
    return ChartData(
        [date_format(month, "M Y") for month in months], [(_("Invoiced"), values)], summary, kind="bar", unit=currency
    )


@kept
def _unpaid_areas(request: Any) -> ChartData:
    """Where most is owed: the areas whose subscribers' balances sum up to most."""
    currency = current_tenant().currency
    owing = scope.narrow(request, Subscriber.objects.visible_to(request.actor)).filter(
        receivable__balance__gt=0, receivable__currency=currency
    )
    rows: Any = owing.order_by().values_list("area__path_names").annotate(s=Sum("receivable__balance")).order_by("-s")
    found = list(rows[:8])
    summary = ""
    if found:
        summary = _("%(area)s owes most: %(amount)s.") % {
            "area": found[0][0], "amount": show(Money(found[0][1], currency))
        }  # fmt: skip
    return ChartData(
        [area for area, _sum in found], [(_("Owed"), [owed for _area, owed in found])], summary, kind="bar",
        unit=currency,
    )  # fmt: skip


FIGURES = [
    Figure("billed", gettext_lazy("Billed"), _billed, "billing:invoice-list", "receipt-text", "billing.view",
           ("owner", "cash"), 20),
    Figure("pending", gettext_lazy("Pending dues"), _pending, lambda: reverse("billing:invoice-list") + "?status=issued&status=part_paid&view=open",
           "hourglass", "billing.view", ("owner", "cash", "help"), 30),
    Figure("overdue", gettext_lazy("Overdue"), _overdue, lambda: reverse("billing:invoice-list") + "?overdue=1&view=overdue",
           "clock-alert", "billing.view", ("cash", "help"), 40),
    Worklist("to_bill", gettext_lazy("To bill"), _to_bill, "billing.view", ("owner", "cash"), 30),
    Worklist("billing_failed", gettext_lazy("Stopped runs"), _failed, "billing.run", ("owner",), 10),
    Chart("billed_by_month", gettext_lazy("Invoiced by month"), _by_month, "billing.view", ("owner",), 30),
    Chart("unpaid_areas", gettext_lazy("Top unpaid areas"), _unpaid_areas, "billing.view", ("owner",), 50,
          url="reports:dues", late=True),
]  # fmt: skip
