from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "trace.asked": _("Holder of an address asked for"),
    "trace.approved": _("Disclosure of an address's holder approved"),
    "trace.refused": _("Disclosure of an address's holder refused"),
    "trace.seen": _("Holder of an address looked at"),
    "trace.forgotten": _("Disclosed holder of an address deleted"),
}
CRITICAL = {"trace.approved", "trace.seen"}
