from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [
    Entry(
        "today",
        _("Collect a payment"),
        "payments:collect",
        "hand-coins",
        "payments.record",
        order=20,
        phone=10,
        keys="g c",
        short=_("Collect"),
    ),
    Entry("today", _("To collect"), "payments:due-list", "list-todo", "payments.record", order=21, phone=30),
    Entry("money", _("Payments"), "payments:payment-list", "banknote", "payments.view", order=20, keys="g m"),
    Entry("money", _("Cash"), "payments:cash", "calculator", "payments.close_cash", order=30, phone=40),
    Entry(
        "money", _("Cash closings"), "payments:closing-list", "clipboard-check", "payments.approve_closing", order=31
    ),
    Entry("settings", _("Payment rules"), "payments:settings", "banknote", "payments.settings", order=30),
]
