from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "payment.recorded": _("Payment recorded"),
    "payment.reversed": _("Payment reversed"),
    "cash.closed": _("Cash closed"),
    "cash.recounted": _("Cash counted again"),
    "cash.approved": _("Cash closing approved"),
    "payments.rules_changed": _("Payment rules changed"),
}
CRITICAL = {"cash.recounted", "payments.rules_changed"}
