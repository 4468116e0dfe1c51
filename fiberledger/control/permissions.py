from django.utils.translation import gettext_lazy as _

LABEL = _("Platform")
KINDS = ("platform", "platform_reseller")

PERMISSIONS = {
    "control.view": _("See the companies below and how large they are"),
    "control.create": _("Take in a company"),
    "control.suspend": _("Suspend a company and lift the suspension"),
}
