from django.utils.translation import gettext_lazy as _

PERMISSIONS = {
    "reports.view": _("See reports"),
    "reports.export": _("Take reports away as a file"),
}
