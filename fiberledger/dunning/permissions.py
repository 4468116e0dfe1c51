from django.utils.translation import gettext_lazy as _

LABEL = _("Suspension")
KINDS = ("isp",)

PERMISSIONS = {
    "dunning.view": _("See who will be cut and why"),
    "dunning.run": _("Cut who does not pay"),
    "dunning.cut_everyone": _("Cut a whole street, paid or not"),
    "dunning.lift_breaker": _("Let a stopped suspension run go on"),
    "dunning.exempt": _("Spare subscribers from suspension"),
    "dunning.forgive": _("Put a line back although it is not paid"),
    "dunning.settings": _("Change the suspension rules"),
}
