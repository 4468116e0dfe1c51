from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "subscription.sold": _("Plan sold"),
    "subscription.imported": _("Subscription imported"),
    "subscription.withdrawn": _("Import undone: subscription withdrawn"),
    "subscription.plan_changed": _("Plan or price changed"),
    "subscription.change_planned": _("Change of plan agreed for the renewal"),
    "subscription.planned_change_cancelled": _("Planned change of plan cancelled"),
    "subscription.planned_change_refused": _("Planned change of plan could not be made"),
    "add_on.sold": _("Add-on sold"),
    "add_on.ended": _("Add-on ended"),
    "subscription.pending": _("Waits for installation"),
    "subscription.active": _("Put into service"),
    "subscription.overdue": _("Marked overdue"),
    "subscription.suspended": _("Suspended"),
    "subscription.hold": _("Put on hold"),
    "subscription.inactive": _("Out of service"),
    "subscription.shifted": _("Moved away"),
    "subscription.disputed": _("Disputed"),
    "subscription.terminated": _("Terminated"),
    "subscription.blacklisted": _("Blacklisted"),
    "subscription.lead": _("Became a lead"),
}
CRITICAL = {"subscription.plan_changed", "subscription.blacklisted"}
