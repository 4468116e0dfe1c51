from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [
    Entry(
        "money", _("Invoices"), "billing:invoice-list", "receipt-text", "billing.view", order=20, phone=40, keys="g i"
    ),
    Entry("money", _("Billing runs"), "billing:run-list", "calendar-check", "billing.run", order=40, keys="g b"),
    Entry("settings", _("Billing rules"), "billing:policy", "scroll-text", "billing.settings", order=30),
]
