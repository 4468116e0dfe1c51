"""What can be told, and how it is worded until the tenant words it otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

# 000 §13.3, and what receipts and reminders need beside them.
VARIABLES: dict[str, Any] = {
    "customer_name": _("Subscriber's name"),
    "customer_id": _("Subscriber's number"),
    "invoice_no": _("Invoice number"),
    "receipt_no": _("Receipt number"),
    "amount": _("Amount of the invoice, payment or reminder"),
    "balance": _("What is owed in all, now"),
    "due_date": _("Due date"),
    "payment_link": _("Link to pay online"),
    "company_name": _("Your company's name"),
    "package_name": _("Plan"),
    "support_phone": _("Your support phone"),
    "reseller_name": _("Reseller"),
}

SAMPLE: dict[str, str] = {
    "customer_name": "Asha Kumari",
    "customer_id": "1042",
    "invoice_no": "INV-000812",
    "receipt_no": "R-000355",
    "amount": "Rs 1,500.00",
    "balance": "Rs 300.00",
    "due_date": "10 Feb 2026",
    "payment_link": "",
    "company_name": "Bright ISP",
    "package_name": "Home 20",
    "support_phone": "0300 1234567",
    "reseller_name": "",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of message. `texts` are by language; English is always there. `by_default`: is it queued unasked?"""

    code: str
    label: Any
    subject: dict[str, str]
    texts: dict[str, str]
    by_default: bool = True
    stale_after_days: int = 14


_ALL = [
    Event(
        "subscriber.welcome",
        _("New subscriber"),
        {"en": "Welcome to {{company_name}}", "ur": "{{company_name}} میں خوش آمدید"},
        {
            "en": "Dear {{customer_name}}, welcome to {{company_name}}! Your customer ID is {{customer_id}}.\n"
            "Plan: {{package_name}}\nSupport: {{support_phone}}",
            "ur": "محترم {{customer_name}}، {{company_name}} میں خوش آمدید! آپ کا کسٹمر نمبر {{customer_id}} ہے۔\n"
            "پیکیج: {{package_name}}\nرابطہ: {{support_phone}}",
        },
        by_default=False,
    ),
    Event(
        "invoice.issued",
        _("Invoice issued"),
        {"en": "Invoice {{invoice_no}}", "ur": "بل {{invoice_no}}"},
        {
            "en": "Dear {{customer_name}}, your bill {{invoice_no}} of {{amount}} is due on {{due_date}}.\n"
            "Pay here: {{payment_link}}\n{{company_name}} {{support_phone}}",
            "ur": "محترم {{customer_name}}، آپ کا بل {{invoice_no}} مبلغ {{amount}} ہے۔ آخری تاریخ {{due_date}}۔\n"
            "ادائیگی: {{payment_link}}\n{{company_name}} {{support_phone}}",
        },
    ),
    Event(
        "invoice.due_soon",
        _("Bill due soon"),
        {"en": "Your bill is due on {{due_date}}", "ur": "آپ کے بل کی آخری تاریخ {{due_date}} ہے"},
        {
            "en": "Dear {{customer_name}}, {{amount}} is due on {{due_date}}. "
            "Please pay in time to keep your line on.\nPay here: {{payment_link}}\n{{company_name}} {{support_phone}}",
            "ur": "محترم {{customer_name}}، {{amount}} کی ادائیگی {{due_date}} تک کریں تاکہ آپ کی لائن چلتی رہے۔\n"
            "ادائیگی: {{payment_link}}\n{{company_name}} {{support_phone}}",
        },
        stale_after_days=5,
    ),
    Event(
        "invoice.overdue",
        _("Bill overdue"),
        {"en": "Your bill is overdue", "ur": "آپ کے بل کی تاریخ گزر چکی ہے"},
        {
            "en": "Dear {{customer_name}}, {{amount}} was due on {{due_date}} and is not paid yet. "
            "Please pay now, or your line will be suspended.\n"
            "Pay here: {{payment_link}}\n{{company_name}} {{support_phone}}",
            "ur": "محترم {{customer_name}}، {{amount}} کی آخری تاریخ {{due_date}} تھی اور ادائیگی ابھی باقی ہے۔ "
            "براہِ کرم ابھی ادا کریں ورنہ لائن بند کر دی جائے گی۔\n"
            "ادائیگی: {{payment_link}}\n{{company_name}} {{support_phone}}",
        },
    ),
    Event(
        "payment.received",
        _("Payment received"),
        {"en": "Receipt {{receipt_no}}", "ur": "رسید {{receipt_no}}"},
        {
            "en": "Dear {{customer_name}}, we received {{amount}}. Receipt {{receipt_no}}. "
            "Balance: {{balance}}.\nThank you. {{company_name}} {{support_phone}}",
            "ur": "محترم {{customer_name}}، ہمیں {{amount}} موصول ہو گئے۔ رسید {{receipt_no}}۔ "
            "بقایا: {{balance}}۔\nشکریہ۔ {{company_name}} {{support_phone}}",
        },
    ),
    Event(
        "payment.reversed",
        _("Payment reversed"),
        {"en": "Receipt {{receipt_no}} was cancelled", "ur": "رسید {{receipt_no}} منسوخ کر دی گئی"},
        {
            "en": "Dear {{customer_name}}, receipt {{receipt_no}} of {{amount}} was cancelled. "
            "Balance: {{balance}}.\n{{company_name}} {{support_phone}}",
            "ur": "محترم {{customer_name}}، رسید {{receipt_no}} مبلغ {{amount}} منسوخ کر دی گئی ہے۔ "
            "بقایا: {{balance}}۔\n{{company_name}} {{support_phone}}",
        },
    ),
    Event(
        "service.suspended",
        _("Line suspended"),
        {"en": "Your line is suspended", "ur": "آپ کی لائن بند کر دی گئی ہے"},
        {
            "en": "Dear {{customer_name}}, your line is suspended because {{amount}} was due on {{due_date}}. "
            "It comes back by itself as soon as you pay.\n"
            "Pay here: {{payment_link}}\n{{company_name}} {{support_phone}}",
            "ur": "محترم {{customer_name}}، {{amount}} کی عدم ادائیگی (آخری تاریخ {{due_date}}) پر آپ کی لائن بند ہے۔ "
            "ادائیگی ہوتے ہی لائن خود بحال ہو جائے گی۔\n"
            "ادائیگی: {{payment_link}}\n{{company_name}} {{support_phone}}",
        },
    ),
    Event(
        "service.resumed",
        _("Line back on"),
        {"en": "Your line is back on", "ur": "آپ کی لائن بحال ہو گئی ہے"},
        {
            "en": "Dear {{customer_name}}, your line is back on. Thank you.\n{{company_name}} {{support_phone}}",
            "ur": "محترم {{customer_name}}، آپ کی لائن بحال کر دی گئی ہے۔ شکریہ۔\n{{company_name}} {{support_phone}}",
        },
        stale_after_days=3,
    ),
    Event(
        "usage.near",
        _("Data nearly used up"),
        {"en": "Most of your data is used", "ur": "آپ کا زیادہ تر ڈیٹا استعمال ہو چکا ہے"},
        {
            "en": "Dear {{customer_name}}, four fifths of the data of {{package_name}} are used. It begins anew on {{due_date}}.\n"
            "{{company_name}} {{support_phone}}",
            "ur": "محترم {{customer_name}}، {{package_name}} کا 80 فیصد ڈیٹا استعمال ہو چکا ہے۔ نئی مدت {{due_date}} سے۔\n"
            "{{company_name}} {{support_phone}}",
        },
        stale_after_days=3,
    ),
    Event(
        "usage.reached",
        _("Data used up"),
        {"en": "Your data is used up", "ur": "آپ کا ڈیٹا ختم ہو گیا ہے"},
        {
            "en": "Dear {{customer_name}}, the data of {{package_name}} is used up. It begins anew on {{due_date}}; "
            "ask us for more data until then.\n{{company_name}} {{support_phone}}",
            "ur": "محترم {{customer_name}}، {{package_name}} کا ڈیٹا ختم ہو گیا ہے۔ نئی مدت {{due_date}} سے؛ "
            "اس سے پہلے مزید ڈیٹا کے لیے رابطہ کریں۔\n{{company_name}} {{support_phone}}",
        },
        stale_after_days=3,
    ),
    Event(
        "plan.changed",
        _("Plan changed"),
        {"en": "Your plan is now {{package_name}}", "ur": "آپ کا نیا پیکیج {{package_name}}"},
        {
            "en": "Dear {{customer_name}}, your plan is now {{package_name}}.\n{{company_name}} {{support_phone}}",
            "ur": "محترم {{customer_name}}، آپ کا پیکیج اب {{package_name}} ہے۔\n{{company_name}} {{support_phone}}",
        },
        by_default=False,
    ),
]

EVENTS: dict[str, Event] = {event.code: event for event in _ALL}


def choices() -> list[tuple[str, Any]]:
    return [(event.code, event.label) for event in _ALL]
