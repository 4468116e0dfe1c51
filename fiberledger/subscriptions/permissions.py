from django.utils.translation import gettext_lazy as _

PERMISSIONS = {
    "subscriptions.view": _("See subscriptions"),
    "subscriptions.sell": _("Sell plans"),
    "subscriptions.sell_add_ons": _("Sell and end add-ons"),
    "subscriptions.price": _("Give a price other than the plan's or the add-on's"),
    "subscriptions.change_plan": _("Change a subscriber's plan"),
    "subscriptions.suspend": _("Suspend and resume lines"),
    "subscriptions.end": _("Terminate and restore subscribers"),
    "subscriptions.hold": _("Put a line on hold"),
}
