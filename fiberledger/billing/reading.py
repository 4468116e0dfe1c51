"""Questions: what is owed and for how long, and what happened on a subscriber's page. All of it sums of postings,
invoices and allocations; nothing here is kept anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Sum
from django.db.models.functions import TruncMonth
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from fiberledger import calendar
from fiberledger.ledger.models import JournalEntry, Posting
from fiberledger.subscribers.models import Subscriber
from fiberledger.tenancy import current_tenant_id

from .models import DayTotal, Invoice

# --- Aging -------------------------------------------------------------------------------------------------------------

_AGES = """
SELECT i.subscriber_id, i.currency,
       sum(i.open) FILTER (WHERE i.late <= 0), sum(i.open) FILTER (WHERE i.late BETWEEN 1 AND 30),
       sum(i.open) FILTER (WHERE i.late BETWEEN 31 AND 60), sum(i.open) FILTER (WHERE i.late BETWEEN 61 AND 90),
       sum(i.open) FILTER (WHERE i.late > 90), sum(i.open)
  FROM (SELECT v.subscriber_id, v.currency, %(as_of)s::date - v.due_on AS late,
               v.total - CASE WHEN v.status = 'issued' THEN 0 ELSE coalesce((
                 SELECT sum(a.amount) FROM billing_allocation a
                  WHERE a.tenant_id = %(tenant)s AND a.invoice_id = v.id), 0) END AS open
          FROM billing_invoice v
         WHERE v.tenant_id = %(tenant)s AND v.status IN ('issued', 'part_paid')
           AND (%(subscribers)s::bigint[] IS NULL OR v.subscriber_id = ANY(%(subscribers)s::bigint[]))) i
 GROUP BY i.subscriber_id, i.currency ORDER BY 8 DESC"""


@dataclass(frozen=True, slots=True)
class Age:
    """What one subscriber has open, by how late it is: not yet due, 1–30, 31–60, 61–90, over 90 days."""

    subscriber_id: int
    currency: str
    ages: tuple[Decimal, Decimal, Decimal, Decimal, Decimal]
    total: Decimal


def aging(as_of: date | None = None, subscriber_ids: Sequence[int] | None = None) -> list[Age]:
    """Open invoices per subscriber by age, largest debt first. `subscriber_ids` narrows, None is everybody."""
    with connection.cursor() as cursor:
        cursor.execute(
            _AGES,
            {
                "tenant": current_tenant_id(), "as_of": as_of or calendar.today(),
                "subscribers": None if subscriber_ids is None else list(subscriber_ids),
            },
        )  # fmt: skip
        return [
            Age(row[0], row[1], tuple(part or Decimal(0) for part in row[2:7]), row[7])  # type: ignore[arg-type]
            for row in cursor.fetchall()
        ]


# --- Statement ---------------------------------------------------------------------------------------------------------

# What a journal entry's cause is called, and where it is shown: `prefix: (ids) -> {id: (text, url)}`. Rooms above
# billing add theirs with `describe`.
_described: dict[str, Callable[[list[int]], dict[int, tuple[str, str]]]] = {}


def describe(prefix: str, function: Callable[[list[int]], dict[int, tuple[str, str]]]) -> None:
    """Let `function(ids)` name the entries whose cause begins with `prefix:`, e.g. «Payment R-000012»."""
    _described[prefix] = function


def _describe_invoices(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {
        pk: (_("Invoice %s") % number if kind != "opening" else _("Opening balance %s") % number,
             reverse("billing:invoice", args=[pk]))
        for pk, number, kind in Invoice.objects.filter(pk__in=ids).values_list("pk", "number", "kind")
    }  # fmt: skip


describe("invoice", _describe_invoices)


@dataclass(frozen=True, slots=True)
class StatementRow:
    on: date
    entry_id: int
    text: str
    url: str
    amount: Decimal
    balance: Decimal

    @property
    def debit(self) -> Decimal | None:
        return self.amount if self.amount > 0 else None

    @property
    def credit(self) -> Decimal | None:
        return -self.amount if self.amount < 0 else None


@dataclass(frozen=True, slots=True)
class Statement:
    """A subscriber's page between two days. Positive is what they owe."""

    subscriber: Subscriber
    currency: str
    since: date | None
    until: date
    before: Decimal
    rows: list[StatementRow]
    after: Decimal

    @property
    def charged(self) -> Decimal:
        return sum((row.debit or Decimal(0) for row in self.rows), Decimal(0))

    @property
    def paid(self) -> Decimal:
        return sum((row.credit or Decimal(0) for row in self.rows), Decimal(0))


def statement(
    subscriber: Subscriber, since: date | None = None, until: date | None = None, *, limit: int | None = None
) -> Statement:
    """What was charged and paid, in order, with the running balance. `limit` keeps the newest rows only."""
    until = until or date.max
    page = Posting.objects.filter(account_id=subscriber.receivable_id)
    inside = page.filter(on__lte=until)
    if since:
        inside = inside.filter(on__gte=since)
    found = list(
        inside.order_by("-on", "-entry_id", "-pk").values_list(
            "on", "entry_id", "amount", "entry__cause", "entry__memo"
        )[: limit or 10_000]
    )[::-1]
    after = page.filter(on__lte=until).aggregate(s=Sum("amount"))["s"] or Decimal(0)
    balance = before = after - sum((row[2] for row in found), Decimal(0))
    names = names_of([row[3] for row in found])
    rows = []
    for on, entry_id, amount, cause, memo in found:
        balance += amount
        text, url = names[cause]
        if memo and ":" in cause.partition(":")[2]:
            text = f"{text} – {memo}"
        rows.append(StatementRow(on, entry_id, text, url, amount, balance))
    return Statement(subscriber, subscriber.receivable.currency, since, until, before, rows, after)


def names_of(causes: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Causes in words: «invoice:812» is an invoice, «invoice:812:void» its cancellation."""
    wanted: dict[str, set[int]] = {}
    split = {}
    for cause in set(causes):
        prefix, _colon, rest = cause.partition(":")
        pk, _colon, after = rest.partition(":")
        split[cause] = (prefix, int(pk) if pk.isdecimal() else None, after)
        if pk.isdecimal():
            wanted.setdefault(prefix, set()).add(int(pk))
    known = {prefix: _described[prefix](sorted(ids)) for prefix, ids in wanted.items() if prefix in _described}
    names = {}
    for cause, (prefix, pk, after) in split.items():
        text, url = known.get(prefix, {}).get(pk or 0) or _fallback(prefix, pk)
        if after:
            text = _("%s cancelled") % text
        names[cause] = (text, url)
    return names


def _fallback(prefix: str, pk: int | None) -> tuple[str, str]:
    if prefix == "payment" and pk:
        try:
            return _("Payment"), reverse("payments:payment", args=[pk])
        except NoReverseMatch:
            return _("Payment"), ""
    if prefix == "opening":
        return _("Paid ahead, brought over"), ""
    return prefix.replace("_", " ").capitalize(), ""


def journal_of(invoice: Invoice) -> list[JournalEntry]:
    """The entries an invoice made: its own, and its reversal."""
    if invoice.entry_id is None:
        return []
    entries = JournalEntry.objects.filter(pk=invoice.entry_id) | JournalEntry.objects.filter(reverses=invoice.entry_id)
    return list(entries.order_by("pk").prefetch_related("postings__account"))


# --- Figures -----------------------------------------------------------------------------------------------------------


def billed_between(low: date, high: date, currency: str, queryset: Any = None) -> Decimal:
    """What was invoiced from `low` up to, not including, `high`; opening balances are not news.

    For the whole tenant from the day totals; for a part of it (`queryset`) from its invoices.
    """
    if queryset is None:
        days = DayTotal.objects.filter(on__gte=low, on__lt=high, currency=currency)
        return days.aggregate(s=Sum("total"))["s"] or Decimal(0)
    found = queryset.filter(issued_on__gte=low, issued_on__lt=high, currency=currency).not_void()
    return found.exclude(kind="opening").aggregate(s=Sum("total"))["s"] or Decimal(0)


def billed_by_month(low: date, currency: str, queryset: Any = None) -> dict[date, Decimal]:
    """What was invoiced in each month from `low` on."""
    if queryset is None:
        rows = DayTotal.objects.filter(on__gte=low, currency=currency).annotate(month=TruncMonth("on"))
    else:
        rows = queryset.filter(issued_on__gte=low, currency=currency).not_void().exclude(kind="opening")
        rows = rows.annotate(month=TruncMonth("issued_on"))
    return dict(rows.order_by().values("month").annotate(s=Sum("total")).values_list("month", "s"))


def month_of(day: date) -> tuple[date, date]:
    low = calendar.month_start(day)
    return low, calendar.month_start(low + timedelta(days=32))
