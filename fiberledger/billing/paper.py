"""What stands on an invoice's paper, from its snapshot: today's names and rates have no say in it."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from django.utils import translation
from django.utils.translation import gettext as _

from fiberledger import files
from fiberledger.files.models import File
from fiberledger.money import Money, show
from fiberledger.paper import Column, Document, Party, Size, render, render_many
from fiberledger.subscribers import phones
from fiberledger.tenancy import current_tenant

from . import wording, writing
from .models import Invoice, Issuer
from .reading import Statement
from .services import policy


def paper_data(invoice: Invoice, *, language: str | None = None, pay_link: str | None = None) -> Document:
    """The invoice as a Document, in its own language. `pay_link` is the tenant's; it is read when not given."""
    language = language or invoice.language
    if pay_link is None:
        pay_link = policy().pay_link
    with translation.override(language):
        return _document(invoice, language, pay_link)


def _document(invoice: Invoice, language: str, pay_link: str) -> Document:
    seller, buyer = _seller(invoice.tenant_id, invoice.issuer_id), invoice.snapshot.get("buyer", {})

    def amount(value: Decimal) -> str:
        return show(Money(value, invoice.currency))

    lines = list(invoice.lines.all())
    has_tax = any(line.tax for line in lines)
    is_many = any(line.quantity != 1 for line in lines)
    columns = [Column(_("What"))]
    if is_many:
        columns.append(Column(_("Quantity"), True))
    columns.append(Column(_("Net") if has_tax else _("Amount"), True))
    if has_tax:
        columns += [Column(_("Tax"), True), Column(_("Amount"), True)]
    rows = []
    for line in lines:
        text = line.text
        if line.kind == "plan" and (speed := invoice.snapshot.get("plan", {}).get("speed")):
            text = f"{text}\n{speed}"
        row = [text]
        if is_many:
            row.append(f"{line.quantity.normalize():f}")
        row.append(amount(line.net))
        if has_tax:
            row += [
                f"{amount(line.tax)}\n{line.tax_name} {line.tax_percent.normalize():f}%" if line.tax else "",
                amount(line.total),
            ]
        rows.append(tuple(row))
    settled = invoice.total if invoice.status == Invoice.Status.PAID else Decimal(0)
    if invoice.status in (Invoice.Status.PART_PAID, Invoice.Status.VOID):
        settled = invoice.settled_amount
    totals = [(_("Charges"), amount(invoice.net))]
    if invoice.tax:
        totals.append((_("Tax"), amount(invoice.tax)))
        totals.append((_("This invoice"), amount(invoice.total)))
    if invoice.previous_balance > 0:
        totals.append((_("Previous balance"), amount(invoice.previous_balance)))
    elif invoice.previous_balance < 0:
        totals.append((_("Paid in advance"), amount(invoice.previous_balance)))
    if invoice.status != Invoice.Status.VOID and invoice.payable != invoice.total:
        totals.append((_("Total to pay"), amount(max(invoice.payable, Decimal(0)))))
    else:
        totals = [*([] if not invoice.tax else totals[:2]), (_("Total to pay"), amount(invoice.total))]
    facts = [
        (_("Issued"), wording.show_day(invoice.issued_on, language)),
        (_("Due"), wording.show_day(invoice.due_on, language)),
    ]
    if invoice.period_start and invoice.period_end:
        facts.append((_("Period"), wording.show_days(invoice.period_start, invoice.period_end, language)))
    facts.append((_("Customer number"), buyer.get("number", "")))
    notes = [invoice.note] if invoice.note else []
    if invoice.status == Invoice.Status.VOID:
        notes.insert(0, _("This invoice is void: %s") % invoice.void_reason)
    elif settled:
        notes.append(_("Paid so far: %(paid)s. Still open: %(open)s.") % {
            "paid": amount(settled), "open": amount(invoice.total - settled)})  # fmt: skip
    return Document(
        title=_("Invoice"),
        number=invoice.number,
        seller=Party(
            seller.get("name", ""),
            tuple(
                filter(
                    None,
                    [
                        *str(seller.get("address", "")).splitlines(),
                        seller.get("phone", ""),
                        seller.get("email", ""),
                        seller.get("website", ""),
                        _("Tax number %s") % seller["tax_number"] if seller.get("tax_number") else "",
                        _("Sales tax number %s") % seller["sales_tax_number"] if seller.get("sales_tax_number") else "",
                    ],
                )
            ),
            _logo(seller.get("logo_file_id")),
            seller.get("brand_color", ""),
        ),
        buyer=Party(
            buyer.get("name", ""),
            tuple(
                filter(
                    None,
                    [
                        buyer.get("guardian"),
                        buyer.get("address"),
                        buyer.get("area"),
                        phones.show(buyer["phone"]) if buyer.get("phone") else "",
                    ],
                )
            ),
        ),
        facts=tuple(facts),
        columns=tuple(columns),
        rows=tuple(rows),
        totals=tuple(totals),
        status=str(invoice.get_status_display())
        if invoice.status in (Invoice.Status.PAID, Invoice.Status.VOID)
        else "",
        notes=tuple(notes),
        qr=qr_text(invoice, pay_link),
        qr_caption=_("Scan to pay") if pay_link else invoice.number,
        footer=seller.get("invoice_footer", ""),
        terms=seller.get("terms", ""),
        buyer_label=_("Invoice to"),
        terms_label=_("Terms"),
    )


@lru_cache(maxsize=512)
def _seller(tenant_id: int, issuer_id: int) -> dict[str, Any]:
    """The seller's text. An issuer's row never changes, so it is read once."""
    return Issuer.objects.get(pk=issuer_id).data


def qr_text(invoice: Invoice, pay_link: str) -> str:
    """What a phone reads: the tenant's payment link with this invoice filled in, else the invoice in plain words."""
    amount = f"{invoice.total:f}".rstrip("0").rstrip(".")
    if pay_link:
        filled = {
            "number": invoice.number,
            "amount": amount,
            "subscriber": invoice.snapshot.get("buyer", {}).get("number", ""),
        }
        for name, value in filled.items():
            pay_link = pay_link.replace("{" + name + "}", quote(value))
        return pay_link
    return f"{invoice.number}\n{amount} {invoice.currency}\n{invoice.due_on.isoformat()}"


def _logo(file_id: Any) -> str:
    """The logo's path; a paper is never refused for the want of a picture."""
    file = File.objects.filter(pk=file_id).first() if file_id else None
    path = files.path_of(file) if file else None
    return str(path) if path and path.exists() else ""


def invoice_pdf(invoice: Invoice, *, size: Size = Size.A4) -> bytes:
    return render(paper_data(invoice), language=invoice.language, size=size)


def invoices_pdf(invoices: list[Invoice]) -> bytes:
    """Many invoices in one PDF, each on a page of its own: for the printer after a run. All in the first one's script."""
    link = policy().pay_link
    return render_many([paper_data(i, pay_link=link) for i in invoices], language=invoices[0].language)


def statement_pdf(page: Statement) -> bytes:
    """A subscriber's page between two days, with the balance before and after."""
    subscriber = page.subscriber
    language = subscriber.language or current_tenant().language
    seller = writing.issuer().data

    def amount(value: Decimal) -> str:
        return show(Money(value, page.currency))

    with translation.override(language):
        rows = [
            (wording.show_day(row.on, language), row.text, amount(row.debit) if row.debit else "",
             amount(row.credit) if row.credit else "", amount(row.balance))
            for row in page.rows
        ]  # fmt: skip
        facts = [(_("Customer number"), subscriber.number)]
        if page.since:
            facts.append((_("From"), wording.show_day(page.since, language)))
        document = Document(
            title=_("Statement"), number=subscriber.number,
            seller=Party(
                seller.get("name", ""),
                tuple(filter(None, [*str(seller.get("address", "")).splitlines(), seller.get("phone", "")])),
                _logo(seller.get("logo_file_id")), seller.get("brand_color", ""),
            ),
            buyer=Party(subscriber.name, tuple(filter(None, [subscriber.address, subscriber.area.full_name, subscriber.shown_phone]))),
            facts=tuple(facts),
            columns=(Column(_("Date")), Column(_("What")), Column(_("Charged"), True), Column(_("Paid"), True),
                     Column(_("Balance"), True)),
            rows=tuple(rows),
            totals=(
                (_("Balance before"), amount(page.before)), (_("Charged"), amount(page.charged)),
                (_("Paid"), amount(page.paid)), (_("Balance"), amount(page.after)),
            ),
            footer=seller.get("invoice_footer", ""),
        )  # fmt: skip
        return render(document, language=language)
