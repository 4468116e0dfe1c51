from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "suspension.started": _("Suspension run started"),
    "suspension.stopped": _("Suspension run stopped by the breaker"),
    "suspension.breaker_lifted": _("Breaker lifted"),
    "suspension.cancelled": _("Suspension run cancelled"),
    "suspension.forgiven": _("Line put back although unpaid"),
    "suspension.rules_changed": _("Suspension rules changed"),
    "exemption.given": _("Spared from suspension"),
    "exemption.ended": _("No longer spared from suspension"),
}
CRITICAL = {"suspension.breaker_lifted", "suspension.forgiven", "suspension.rules_changed", "exemption.given"}
