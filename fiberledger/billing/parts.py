"""What billing adds to other rooms' records: a subscriber's invoices and ledger, a subscription's next bill."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger import screens
from fiberledger.money import Money
from fiberledger.screens import Button, Column, Fact, Facts, Tab, Trail
from fiberledger.subscribers.models import Subscriber

from . import reading
from .models import Invoice

_SHOWN = 50


def _invoices(request: Any, subscriber: Subscriber) -> dict[str, Any]:
    found = Invoice.objects.filter(subscriber=subscriber).with_settled().order_by("-pk")[:_SHOWN]
    return {
        "table": screens.table(
            [
                "number",
                "issued_on",
                "due_on",
                Column("total", sort=False),
                Column("outstanding", _("Still open"), kind="money", value=lambda row: row.outstanding),
                "status",
            ],
            found, model=Invoice, url=lambda row: reverse("billing:invoice", args=[row.pk]),
            caption=_("Invoices of this subscriber"), empty=_("No invoice yet"),
        ),
        "subscriber": subscriber,
        "new_url": f"{reverse('billing:invoice-new')}?subscriber={subscriber.pk}" if request.actor.may("billing.issue") else "",
    }  # fmt: skip


def _ledger(request: Any, subscriber: Subscriber) -> dict[str, Any]:
    page = reading.statement(subscriber, limit=200)

    def money(amount: Any) -> Money | None:
        return None if amount is None else Money(amount, page.currency)

    return {
        "statement": page,
        "pdf_url": reverse("billing:statement-pdf", args=[subscriber.pk]),
        "before": money(page.before),
        "table": screens.table(
            [
                Column("text", _("What"), value=lambda row: row.text),
                Column("on", _("On"), kind="date", value=lambda row: row.on),
                Column("debit", _("Charged"), kind="money", value=lambda row: money(row.debit)),
                Column("credit", _("Paid"), kind="money", value=lambda row: money(row.credit)),
                Column("balance", _("Owed then"), kind="money", value=lambda row: money(row.balance)),
            ],
            page.rows[::-1], model=None, url=lambda row: row.url, caption=_("Everything charged and paid"),
            empty=_("Nothing was charged or paid yet"),
        ),
    }  # fmt: skip


def _owed(request: Any, subscriber: Subscriber) -> list[Fact]:
    account = subscriber.receivable
    label = _("Paid ahead") if account.balance < 0 else _("Owed")
    tone = "bad" if account.balance > 0 else "good"
    return [
        Fact(label, Money(abs(account.balance), account.currency), f"{request.path}?tab=ledger", tone, icon="wallet")
    ]


PARTS = [
    Tab("invoices", gettext_lazy("Invoices"), "billing/_subscriber_invoices.html", _invoices, "billing.view",
        "subscribers.subscriber", 20, "receipt-text"),
    Tab("ledger", gettext_lazy("Ledger"), "billing/_subscriber_ledger.html", _ledger, "billing.view",
        "subscribers.subscriber", 25, "book-open"),
    Facts("subscribers.subscriber", _owed, "billing.view", 20),
    Button(gettext_lazy("Invoice by hand"),
           lambda subscriber: f"{reverse('billing:invoice-new')}?subscriber={subscriber.pk}", "file-plus",
           "billing.issue", on="subscribers.subscriber", order=40),
    Trail("subscribers.subscriber", "billing.invoice",
          lambda subscriber: Invoice.objects.filter(subscriber=subscriber).order_by("-pk").values_list("pk", flat=True)[:60],
          "billing.view"),
]  # fmt: skip
