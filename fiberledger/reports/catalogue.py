"""Every report: collection, revenue, dues with aging, subscribers, new and lost."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, CharField, Count, DateField, F, QuerySet, Sum, Value, When
from django.db.models.functions import TruncMonth
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fiberledger import calendar
from fiberledger.billing.models import Invoice
from fiberledger.money import Money, show
from fiberledger.payments.models import Method, Payment
from fiberledger.screens import ChartData
from fiberledger.subscribers import states
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscriptions.models import StatusChange, Subscription

from .questions import Answer, Heading, Question, Report

ZERO = Decimal(0)
MOST_BARS = 12  # beside their names; the table has all


def _named(value: Any, nobody: str) -> str:
    return str(value) if value not in (None, "") else nobody


def _most_first(found: Any, place: int = -1) -> list[tuple[Any, list]]:
    return sorted(found.items(), key=lambda item: (-item[1][place], str(item[0])))


# --- Collection --------------------------------------------------------------------------------------------------

_COLLECTION_BY = {
    "day": (None, gettext_lazy("Day")),
    "collector": ("collector_name", gettext_lazy("Collector")),
    "method": ("method", gettext_lazy("Method")),
    "area": ("subscriber__area__name", gettext_lazy("Area")),
    "branch": ("subscriber__branch__name", gettext_lazy("Branch")),
}


def collection(question: Question) -> Answer:
    """Money taken in, and money given back by reversals, each on the day it happened."""
    payments = question.within(Payment.objects.filter(currency=question.currency))
    key = _COLLECTION_BY[question.by][0]
    sums: dict[Any, list] = defaultdict(lambda: [0, ZERO, ZERO, ZERO])
    taken = payments.filter(received_on__gte=question.since, received_on__lt=question.until)
    back = payments.filter(reversed_on__gte=question.since, reversed_on__lt=question.until)
    for name, count, amount in taken.values_list(key or "received_on").annotate(Count("pk"), Sum("amount")):
        sums[name][0], sums[name][1] = count, amount
    for name, _count, amount in back.values_list(key or "reversed_on").annotate(Count("pk"), Sum("amount")):
        sums[name][2] = amount
    for line in sums.values():
        line[3] = line[1] - line[2]
    if question.by == "day":
        days = [question.since + timedelta(n) for n in range((question.until - question.since).days)]
        ordered = [(day, sums.get(day, [0, ZERO, ZERO, ZERO])) for day in days]
    else:
        ordered = [(_collector_or(question.by, name), line) for name, line in _most_first(sums)]
    drawn = ordered if question.by == "day" else ordered[:MOST_BARS]
    totals: list[Any] = [sum((line[n] for _name, line in ordered), ZERO if n else 0) for n in range(4)]
    return Answer(
        headings=(
            Heading(_COLLECTION_BY[question.by][1]),
            Heading(_("Receipts"), "count"),
            Heading(_("Taken"), "money"),
            Heading(_("Reversed"), "money"),
            Heading(_("Collected"), "money"),
        ),
        rows=[(name, *line) for name, line in ordered],
        totals=(_("Total"), *totals),
        chart=ChartData(
            labels=[date_format(name, "j M") if question.by == "day" else name for name, _line in drawn],
            series=[(_("Collected"), [line[3] for _name, line in drawn])],
            kind="bar" if question.by == "day" else "across",
            unit=question.currency,
            summary=_("%(amount)s collected.") % {"amount": show(Money(totals[3], question.currency))},
        ),
    )


def _collector_or(by: str, name: Any) -> str:
    if by == "method":
        return str(Method(name).label)
    return _named(name, _("Nobody named") if by == "collector" else _("None"))


# --- Revenue -----------------------------------------------------------------------------------------------------

_REVENUE_BY = {
    "month": (None, gettext_lazy("Month")),
    "plan": ("subscription__plan__name", gettext_lazy("Plan")),
    "area": ("subscriber__area__name", gettext_lazy("Area")),
    "branch": ("subscriber__branch__name", gettext_lazy("Branch")),
    "kind": ("kind", gettext_lazy("Kind")),
}


def revenue(question: Question) -> Answer:
    """What was invoiced, less what was voided, each on the day it happened. Neither opening balances nor deposits, which
    are held for the subscriber, are revenue."""
    invoices = question.within(Invoice.objects.filter(currency=question.currency).exclude(kind="opening"))
    key = _REVENUE_BY[question.by][0]
    sums: dict[Any, list] = defaultdict(lambda: [0, ZERO, ZERO, ZERO])
    for sign, field in ((1, "issued_on"), (-1, "voided_on")):
        within = invoices.filter(**{f"{field}__gte": question.since, f"{field}__lt": question.until})
        rows = within.annotate(_month=TruncMonth(field, output_field=DateField())).values_list(key or "_month")
        for name, count, net, tax, total in rows.annotate(Count("pk"), Sum("net"), Sum("tax"), Sum("total")):
            for place, value in enumerate((count, net, tax, total)):
                sums[name][place] += sign * value
        held = rows.filter(lines__kind="deposit").annotate(Sum("lines__total"))
        for name, deposit in held:
            sums[name][1] -= sign * deposit
            sums[name][3] -= sign * deposit
    if question.by == "month":
        month, ordered = question.since.replace(day=1), []
        while month < question.until:
            ordered.append((month, sums.get(month, [0, ZERO, ZERO, ZERO])))
            month = calendar.add_months(month, 1)
        labels = [_month_name(month) for month, _line in ordered]
    else:
        ordered = _most_first(sums)
        labels = [
            str(Invoice.Kind(str(name)).label) if question.by == "kind" else _named(name, _("None"))
            for name, _line in ordered
        ]
    totals: list[Any] = [sum((line[n] for _name, line in ordered), ZERO if n else 0) for n in range(4)]
    return Answer(
        headings=(
            Heading(_REVENUE_BY[question.by][1]),
            Heading(_("Invoices"), "count"),
            Heading(_("Net"), "money"),
            Heading(_("Tax"), "money"),
            Heading(_("Invoiced"), "money"),
        ),
        rows=[(label, *line) for label, (_name, line) in zip(labels, ordered, strict=True)],
        totals=(_("Total"), *totals),
        chart=ChartData(
            labels=labels,
            series=[
                (_("Net"), [line[1] for _name, line in ordered]),
                (_("Tax"), [line[2] for _name, line in ordered]),
            ],
            kind="stacked",
            unit=question.currency,
            summary=_("%(amount)s invoiced.") % {"amount": show(Money(totals[3], question.currency))},
        ),
    )


def _month_name(month: date) -> str:
    return date_format(month, "YEAR_MONTH_FORMAT")


# --- Dues --------------------------------------------------------------------------------------------------------

_AGES = ((0, gettext_lazy("Not due yet")), (30, "1–30"), (60, "31–60"), (90, "61–90"), (None, gettext_lazy("Over 90")))
_DUES_BY = {
    "area": ("subscriber__area__name", gettext_lazy("Area")),
    "branch": ("subscriber__branch__name", gettext_lazy("Branch")),
    "plan": ("subscription__plan__name", gettext_lazy("Plan")),
    "subscriber": ("subscriber__name", gettext_lazy("Subscriber")),
    "reseller": ("subscriber__reseller_name", gettext_lazy("Reseller")),
}
_LONGEST_LIST = 5_000


def dues(question: Question) -> Answer:
    """What is outstanding on open invoices, by days past due. Money that no invoice has taken stands apart (paid ahead, or
    left over where chosen invoices were paid), and the difference is what subscribers' ledger accounts say."""
    today = calendar.today()
    age = Case(
        When(due_on__gte=today, then=Value("0")),
        *(When(due_on__gte=today - timedelta(days), then=Value(str(days))) for days, _label in _AGES[1:-1]),
        default=Value("None"),
        output_field=CharField(),
    )
    key = _DUES_BY[question.by][0]
    keys = (key, "subscriber_id", "subscriber__number") if question.by == "subscriber" else (key,)
    invoices = (
        question.within(Invoice.objects.open().filter(currency=question.currency)).with_settled().annotate(age=age)
    )
    places = {str(days): place for place, (days, _label) in enumerate(_AGES)}
    sums: dict[Any, list] = defaultdict(lambda: [ZERO] * (len(_AGES) + 1))
    for *name, bucket, amount in invoices.values_list(*keys, "age").annotate(owed=Sum("outstanding")):
        line = sums[tuple(name)]
        line[places[bucket]] += amount
        line[-1] += amount
    ordered = _most_first(sums)[:_LONGEST_LIST]
    totals = [sum((line[n] for line in sums.values()), ZERO) for n in range(len(_AGES) + 1)]
    balances = question.within(Subscriber.objects.filter(receivable__currency=question.currency))
    booked = balances.aggregate(s=Sum("receivable__balance"))["s"] or ZERO
    note = _("%(owed)s is open on invoices, less %(ahead)s paid ahead: %(booked)s in the books.") % {
        "owed": show(Money(totals[-1], question.currency)),
        "ahead": show(Money(totals[-1] - booked, question.currency)),
        "booked": show(Money(booked, question.currency)),
    }
    late = totals[-1] - totals[0]
    return Answer(
        headings=(
            Heading(_DUES_BY[question.by][1]),
            *(
                Heading(label if days in (0, None) else _("%(span)s days") % {"span": label}, "money")
                for days, label in _AGES
            ),
            Heading(_("Owed"), "money"),
        ),
        rows=[(_due_name(name), *line) for name, line in ordered],
        totals=(_("Total"), *totals),
        chart=ChartData(
            labels=[str(label) for _days, label in _AGES],
            series=[(_("Owed"), totals[:-1])],
            kind="bar",
            unit=question.currency,
            summary=_("%(amount)s is past due.") % {"amount": show(Money(late, question.currency))},
        ),
        note=note,
    )


def _due_name(name: tuple) -> str:
    return f"{name[2]} {name[0]}" if len(name) == 3 else _named(name[0], _("None"))


# --- Subscribers -------------------------------------------------------------------------------------------------


def subscribers(question: Question) -> Answer:
    """How many there are, by status, area, branch or plan; a plan counts its lines."""
    if question.by == "plan":
        rows: QuerySet = question.within(Subscription.objects.live())
        key, label = "plan__name", _("Plan")
    else:
        rows = question.within(Subscriber.objects.all())
        key, label = {
            "status": ("status", _("Status")),
            "area": ("area__name", _("Area")),
            "branch": ("branch__name", _("Branch")),
        }[question.by]
    in_service, everyone = [str(s) for s in states.IN_SERVICE], defaultdict(lambda: [0, 0, 0])
    for name, status, count in rows.values_list(key, "status").annotate(Count("pk")):
        line = everyone[name]
        line[0] += count if status in in_service else 0
        line[1] += count if status == "suspended" else 0
        line[2] += count
    ordered = _most_first(everyone)
    names = [str(states.of(n).label) if question.by == "status" else _named(n, _("None")) for n, _line in ordered]
    totals = [sum(line[n] for line in everyone.values()) for n in range(3)]
    return Answer(
        headings=(
            Heading(label),
            Heading(_("In service"), "count"),
            Heading(_("Suspended"), "count"),
            Heading(_("All"), "count"),
        ),
        rows=[(name, *line) for name, (_key, line) in zip(names, ordered, strict=True)],
        totals=(_("Total"), *totals),
        chart=ChartData(
            labels=names[:MOST_BARS],
            series=[(_("Subscribers"), [line[2] for _name, line in ordered[:MOST_BARS]])],
            kind="donut" if question.by == "status" else "across",
            summary=ngettext("%(n)s in all.", "%(n)s in all.", totals[2]) % {"n": totals[2]},
        ),
    )


def new_and_lost(question: Question) -> Answer:
    """Lines that came into service and lines that left for good, month by month, and what that leaves."""
    changes = StatusChange.objects.filter(
        on__gte=question.since, on__lt=question.until, subscription__isnull=False
    ).filter(subscription__in=question.within(Subscription.objects.all()))
    live, over = {str(s) for s in states.LIVE}, {str(s) for s in states.OVER}
    months: dict[date, list[int]] = {}
    month = question.since.replace(day=1)
    while month < question.until:
        months[month] = [0, 0, 0]
        month = calendar.add_months(month, 1)
    steps: Any = changes.annotate(_month=TruncMonth("on", output_field=DateField())).values_list(
        "_month", F("old"), F("new")
    )
    for month, old, new, count in steps.annotate(Count("pk")):
        if new in live and old not in live:
            months[month][0] += count
        elif new in over and old not in over:
            months[month][1] += count
    for line in months.values():
        line[2] = line[0] - line[1]
    labels = [_month_name(month) for month in months]
    totals = [sum(line[n] for line in months.values()) for n in range(3)]
    return Answer(
        headings=(
            Heading(_("Month")),
            Heading(_("New"), "count"),
            Heading(_("Lost"), "count"),
            Heading(_("Growth"), "count"),
        ),
        rows=[(label, *line) for label, line in zip(labels, months.values(), strict=True)],
        totals=(_("Total"), *totals),
        chart=ChartData(
            labels=labels,
            series=[
                (_("New"), [line[0] for line in months.values()]),
                (_("Lost"), [line[1] for line in months.values()]),
            ],
            kind="bar",
            summary=_("%(new)s new, %(lost)s lost.") % {"new": totals[0], "lost": totals[1]},
        ),
    )


REPORTS = (
    Report(
        "collection",
        gettext_lazy("Daily collection"),
        gettext_lazy("Money taken in, day by day, by collector, method or place."),
        "hand-coins",
        "reports.view",
        [(code, label) for code, (_key, label) in _COLLECTION_BY.items()],
        collection,
    ),
    Report(
        "revenue",
        gettext_lazy("Revenue"),
        gettext_lazy("What was invoiced, net and tax, less what was voided."),
        "trending-up",
        "reports.view",
        [(code, label) for code, (_key, label) in _REVENUE_BY.items()],
        revenue,
    ),
    Report(
        "dues",
        gettext_lazy("Dues and aging"),
        gettext_lazy("Who owes how much, and for how long."),
        "hourglass",
        "reports.view",
        [(code, label) for code, (_key, label) in _DUES_BY.items()],
        dues,
        asks="",
    ),
    Report(
        "subscribers",
        gettext_lazy("Subscribers"),
        gettext_lazy("How many there are, by status, place and plan."),
        "users",
        "reports.view",
        [
            ("status", gettext_lazy("Status")),
            ("area", gettext_lazy("Area")),
            ("branch", gettext_lazy("Branch")),
            ("plan", gettext_lazy("Plan")),
        ],
        subscribers,
        asks="",
    ),
    Report(
        "growth",
        gettext_lazy("New and lost"),
        gettext_lazy("Lines that came and lines that left, month by month."),
        "user-plus",
        "reports.view",
        [("month", gettext_lazy("Month"))],
        new_and_lost,
    ),
)
