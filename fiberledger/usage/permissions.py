from django.utils.translation import gettext_lazy as _

LABEL = _("Usage")
KINDS = ("isp",)

PERMISSIONS = {
    "usage.view": _("See how much data lines use"),
}
