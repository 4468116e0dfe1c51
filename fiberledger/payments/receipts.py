"""What a receipt says, for paper, page and message."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from babel.dates import format_date
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger import files
from fiberledger.billing.models import Allocation
from fiberledger.files.models import File
from fiberledger.money import Money, show
from fiberledger.paper import Column, Document, Party, Size
from fiberledger.tenancy import current_tenant
from fiberledger.tenancy.models import Profile

from .models import Payment

PAPERS = {"80": gettext_lazy("80 mm roll"), "58": gettext_lazy("58 mm roll"), "a4": gettext_lazy("A4")}
SIZES = {"80": Size.ROLL_80, "58": Size.ROLL_58, "a4": Size.A4}


def told(payment: Payment) -> dict[str, str]:
    """The receipt's values for a message (see notices.Told)."""
    return {
        "receipt_no": payment.number,
        "amount": str(payment.amount),
        "currency": payment.currency,
        "balance": str(payment.subscriber.receivable.balance),
    }


def language_of(payment: Payment) -> str:
    """The subscriber's language, else the tenant's."""
    return (payment.subscriber.language or current_tenant().language or "en")[:2]


def settled_by(payment: Payment) -> list[tuple[Any, Decimal]]:
    """The invoices this payment settles now, each with how much; nothing once it is reversed."""
    parts: dict[int, list[Any]] = {}
    for part in Allocation.objects.filter(entry_id=payment.entry_id).select_related("invoice").order_by("id"):
        parts.setdefault(part.invoice_id, [part.invoice, Decimal(0)])[1] += part.amount
    return [(invoice, amount) for invoice, amount in parts.values() if amount]


def paper_data(payment: Payment) -> Document:
    """The receipt as a Document, in the subscriber's language: the same words on roll, sheet and page."""
    language = language_of(payment)
    with translation.override(language):
        return _document(payment, language)


def _document(payment: Payment, language: str) -> Document:
    tenant, profile, subscriber = current_tenant(), Profile.objects.first(), payment.subscriber

    def amount(value: Decimal) -> str:
        return show(Money(value, payment.currency))

    def day(value: Any) -> str:
        return format_date(value, "d MMM y", locale="ur_PK" if language == "ur" else "en")

    settled = settled_by(payment)
    advance = payment.amount - sum((value for _invoice, value in settled), Decimal(0))
    rows = [(_("Invoice %s") % invoice.number, amount(value)) for invoice, value in settled]
    if advance > 0 and not payment.is_reversed:
        rows.append((_("Advance"), amount(advance)))
    balance = subscriber.receivable.balance
    facts = [(_("Received on"), day(payment.received_on)), (_("Customer number"), subscriber.number)]
    facts.append((_("Method"), " ".join(filter(None, [str(payment.get_method_display()), payment.reference]))))
    facts.append((_("Collected by"), payment.collector_name))
    facts.append((_("Paid ahead"), amount(-balance)) if balance < 0 else (_("Still owed"), amount(balance)))
    notes = [payment.note] if payment.note else []
    if payment.reversed_on:
        notes.insert(
            0,
            _("Reversed on %(day)s by %(who)s: %(why)s")
            % {"day": day(payment.reversed_on), "who": payment.reversed_by, "why": payment.reversal_reason},
        )
    return Document(
        title=_("Receipt"),
        number=payment.number,
        seller=_seller(tenant, profile),
        buyer=Party(
            subscriber.name,
            tuple(filter(None, [subscriber.address, subscriber.area.full_name, subscriber.shown_phone])),
        ),
        facts=tuple(facts),
        columns=(Column(_("For")), Column(_("Amount"), True)) if rows else (),
        rows=tuple(rows),
        totals=((_("Received"), amount(payment.amount)),),
        status=_("Reversed") if payment.is_reversed else "",
        notes=tuple(notes),
        footer=profile.receipt_footer if profile else "",
        buyer_label=_("Received from"),
    )


def _seller(tenant: Any, profile: Profile | None) -> Party:
    if profile is None:
        return Party(tenant.name)
    lines = [*profile.address.splitlines(), profile.phone, profile.email, profile.website]
    if profile.tax_number:
        lines.append(_("Tax number %s") % profile.tax_number)
    if profile.sales_tax_number:
        lines.append(_("Sales tax number %s") % profile.sales_tax_number)
    return Party(profile.legal_name, tuple(filter(None, lines)), _logo(profile.logo_file_id), profile.brand_color)


def _logo(file_id: int | None) -> str:
    file = File.objects.filter(pk=file_id).first() if file_id else None
    if file is None:
        return ""
    path = files.path_of(file)
    return str(path) if path.exists() else ""
