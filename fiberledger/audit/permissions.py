from django.utils.translation import gettext_lazy as _

LABEL = _("Audit")
KINDS = ("platform", "platform_reseller", "isp")

PERMISSIONS = {
    "audit.view": _("See the audit log"),
    "audit.export": _("Export the audit log"),
}
