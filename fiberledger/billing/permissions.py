from django.utils.translation import gettext_lazy as _

LABEL = _("Billing")

PERMISSIONS = {
    "billing.view": _("See invoices"),
    "billing.export": _("Export invoices"),
    "billing.run": _("Run billing for many subscribers"),
    "billing.issue": _("Make invoices by hand"),
    "billing.void": _("Cancel invoices"),
    "billing.settings": _("Change the billing rules"),
}
