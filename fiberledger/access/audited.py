from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "account.opened": _("Network account opened"),
    "account.changed": _("Network account changed"),
    "attribute.added": _("RADIUS attribute added"),
    "attribute.changed": _("RADIUS attribute changed"),
    "attribute.removed": _("RADIUS attribute removed"),
    "account.bound": _("Bound to its first device"),
    "account.moved": _("Moved to another device by itself"),
    "account.rebound": _("Bound to another device by hand"),
    "access.rules_changed": _("Login rules changed"),
    "account.password_set": _("Network password changed"),
    "account.password_revealed": _("Network password revealed"),
    "router.added": _("Router added"),
    "router.changed": _("Router changed"),
    "router.api_password_set": _("Router API password changed"),
    "router.secret_set": _("Router secret changed"),
    "router.secret_revealed": _("Router secret revealed"),
    "router.api_password_revealed": _("Router API password revealed"),
    "router.certificate_accepted": _("Router's new certificate accepted"),
    "pop.added": _("Point of presence added"),
    "pop.changed": _("Point of presence changed"),
    "drift.accepted": _("Difference on the network accepted"),
    "drift.healed": _("Difference on the network put right by hand"),
    "session.disconnected": _("Session disconnected"),
}
CRITICAL = {"router.secret_set", "router.api_password_set", "account.password_revealed", "router.secret_revealed", "router.api_password_revealed",
            "router.certificate_accepted"}  # fmt: skip
