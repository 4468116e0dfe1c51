from django.utils.translation import gettext_lazy as _

LABEL = _("Payments")
KINDS = ("isp",)

PERMISSIONS = {
    "payments.view": _("See payments and receipts"),
    "payments.record": _("Record payments"),
    "payments.backdate": _("Record payments of long ago"),
    "payments.reverse": _("Reverse payments"),
    "payments.close_cash": _("Close one's own cash"),
    "payments.any_cash": _("Close anybody's cash"),
    "payments.approve_closing": _("Approve cash closings"),
    "payments.settings": _("Change the payment rules"),
}
