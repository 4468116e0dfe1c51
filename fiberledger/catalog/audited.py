from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "plan.created": _("Plan added"),
    "plan.changed": _("Plan changed"),
    "plan.status_changed": _("Plan put on or off sale"),
    "plan.hours_changed": _("Hours of a plan changed"),
    "plan.availability_changed": _("Plan sold elsewhere"),
    "addon.created": _("Add-on added"),
    "addon.changed": _("Add-on changed"),
    "addon.status_changed": _("Add-on put on or off sale"),
    "taxrate.created": _("Tax added"),
    "taxrate.changed": _("Tax changed"),
}
CRITICAL = {"taxrate.changed"}
