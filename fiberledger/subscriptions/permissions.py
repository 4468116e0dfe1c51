from django.utils.translation import gettext_lazy as _

PERMISSIONS = {
    "subscriptions.view": _("See subscriptions"),
    "subscriptions.sell": _("Sell plans"),
    "subscriptions.price": _("Give a price other than the plan's"),
    "subscriptions.change_plan": _("Change a subscriber's plan"),
    "subscriptions.suspend": _("Suspend and resume lines"),
    "subscriptions.end": _("Terminate and restore subscribers"),
    "subscriptions.hold": _("Put a line on hold"),
}
