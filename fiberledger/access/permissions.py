from django.utils.translation import gettext_lazy as _

LABEL = _("Network access")
KINDS = ("isp",)

PERMISSIONS = {
    "access.view": _("See a subscriber's network account and logins"),
    "access.sessions": _("See who is online, and past sessions"),
    "access.disconnect": _("Disconnect a session"),
    "access.edit": _("Create and change network accounts"),
    "access.routers_view": _("See routers"),
    "access.routers": _("Add and change routers"),
    "access.rules": _("Set the rules for logins"),
    "access.reveal": _("Reveal passwords and router secrets"),
}
