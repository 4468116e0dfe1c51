from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "invoice.issued": _("Invoice issued"),
    "invoice.voided": _("Invoice cancelled"),
    "billing.run_started": _("Billing run started"),
    "billing.run_resumed": _("Billing run continued"),
    "billing.rules_changed": _("Billing rules changed"),
    "subscriber.credit_brought_over": _("Credit brought over"),
}

CRITICAL = {"invoice.voided"}
