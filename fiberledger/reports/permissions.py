from django.utils.translation import gettext_lazy as _

PERMISSIONS = {
    "reports.money": _("See reports on collection, revenue and dues"),
    "reports.subscribers": _("See reports on subscribers"),
    "reports.export": _("Take reports away as a file"),
}
