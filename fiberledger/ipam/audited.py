from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "vrf.created": _("VRF added"),
    "vrf.changed": _("VRF changed"),
    "vlan.created": _("VLAN added"),
    "vlan.changed": _("VLAN changed"),
    "prefix.added": _("Prefix added"),
    "prefix.changed": _("Prefix changed"),
    "prefix.split": _("Prefix split"),
    "prefix.removed": _("Prefix removed"),
    "pool.added": _("Address pool added"),
    "pool.changed": _("Address pool changed"),
    "pool.removed": _("Address pool removed"),
    "cgnat.added": _("CGNAT rule added"),
    "cgnat.ended": _("CGNAT rule ended"),
    "address.assigned": _("Address assigned"),
    "address.reserved": _("Address reserved"),
    "address.released": _("Address released"),
}
CRITICAL = {"prefix.removed"}
