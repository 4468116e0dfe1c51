"""What a receipt says, for paper, page and message."""

from __future__ import annotations

from typing import Any

from django.template.defaultfilters import date as shown_date
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from fiberledger.billing.models import Allocation
from fiberledger.money import Money, show
from fiberledger.paper import Column, Document, Party
from fiberledger.tenancy import current_tenant
from fiberledger.tenancy.models import Profile

from .models import Payment

PAPERS = {"80": _("80 mm roll"), "58": _("58 mm roll"), "a4": _("A4")}


def told(payment: Payment) -> dict[str, str]:
    """The receipt's values for a message (see notices.Told)."""
    return {
        "receipt_no": payment.number,
        "amount": str(payment.amount),
        "currency": payment.currency,
        "balance": str(payment.subscriber.receivable.balance),
    }


def paper_data(payment: Payment) -> dict[str, Any]:
    """Everything the receipt's template shows, as plain text, numbers and lists.

    Keys: language, direction, title, number, reversed (None or {on, by, why}), company {name, address, phone, email,
    website, tax_number, sales_tax_number, brand_color, logo_file_id}, subscriber {name, number, phone, area, address},
    received_on (ISO date), received_at (ISO instant, tenant's zone), amount, amount_shown, currency, method,
    reference, note, collector, settled [{invoice, amount, amount_shown}], advance_shown ("" if none),
    balance, balance_shown, footer.
    """
    from fiberledger import calendar

    tenant, profile, subscriber = current_tenant(), Profile.objects.first(), payment.subscriber
    language = (subscriber.language or tenant.language or "en")[:2]

    def shown(amount: Any) -> str:
        return show(Money(amount, payment.currency))

    settled: dict[str, Any] = {}
    for part in Allocation.objects.filter(entry_id=payment.entry_id).select_related("invoice").order_by("id"):
        settled[part.invoice.number] = settled.get(part.invoice.number, 0) + part.amount
    settled = {number: amount for number, amount in settled.items() if amount}
    advance = payment.amount - sum(settled.values())
    balance = subscriber.receivable.balance
    return {
        "language": language,
        "direction": "rtl" if language in ("ur", "ar") else "ltr",
        "number": payment.number,
        "reversed": {
            "on": payment.reversed_on.isoformat(), "by": payment.reversed_by, "why": payment.reversal_reason
        } if payment.reversed_on else None,
        "company": {
            "name": profile.legal_name if profile else tenant.name,
            "address": profile.address if profile else "",
            "phone": profile.phone if profile else "",
            "email": profile.email if profile else "",
            "website": profile.website if profile else "",
            "tax_number": profile.tax_number if profile else "",
            "sales_tax_number": profile.sales_tax_number if profile else "",
            "brand_color": profile.brand_color if profile else "",
            "logo_file_id": profile.logo_file_id if profile else None,
        },
        "subscriber": {
            "name": subscriber.name,
            "number": subscriber.number,
            "phone": subscriber.shown_phone,
            "area": subscriber.area.full_name if subscriber.area_id else "",
            "address": subscriber.address,
        },
        "received_on": payment.received_on.isoformat(),
        "received_at": calendar.local(payment.received_at).isoformat(timespec="minutes"),
        "amount": str(payment.amount),
        "amount_shown": shown(payment.amount),
        "currency": payment.currency,
        "method": str(payment.get_method_display()),
        "reference": payment.reference,
        "note": payment.note,
        "collector": payment.collector_name,
        "settled": [
            {"invoice": number, "amount": str(amount), "amount_shown": shown(amount)}
            for number, amount in settled.items()
        ],
        "advance_shown": shown(advance) if advance > 0 and not payment.is_reversed else "",
        "balance": str(balance),
        "balance_shown": shown(balance),
        "footer": profile.receipt_footer if profile else "",
    }  # fmt: skip


def on_paper(payment: Payment) -> tuple[Document, str]:
    """The receipt to be set on A4 or a roll, and the reader's language."""
    data = paper_data(payment)
    company, who = data["company"], data["subscriber"]
    with override(data["language"]):
        facts = [
            (_("Received on"), shown_date(payment.received_on, "DATE_FORMAT")),
            (_("Method"), data["method"]),
            (_("Reference"), data["reference"]),
            (_("Collected by"), data["collector"]),
        ]
        totals = [(_("Paid ahead"), data["advance_shown"])] if data["advance_shown"] else []
        totals += [(_("Balance now"), data["balance_shown"]), (_("Received"), data["amount_shown"])]
        lines = (company["address"], " · ".join(part for part in (company["phone"], company["email"]) if part))
        document = Document(
            title=str(_("Receipt")),
            number=data["number"],
            status=str(_("Reversed")) if data["reversed"] else "",
            seller=Party(company["name"], tuple(line for line in lines if line), color=company["brand_color"]),
            buyer=Party(
                who["name"], tuple(line for line in (who["number"], who["address"], who["area"], who["phone"]) if line)
            ),
            buyer_label=str(_("Received from")),
            facts=tuple((str(label), str(value)) for label, value in facts if value),
            columns=(Column(str(_("For invoice"))), Column(str(_("Amount")), True)) if data["settled"] else (),
            rows=tuple((part["invoice"], part["amount_shown"]) for part in data["settled"]),
            totals=tuple((str(label), str(value)) for label, value in totals),
            notes=(payment.reversal_reason,) if data["reversed"] else (),
            footer=data["footer"],
        )
    return document, data["language"]
