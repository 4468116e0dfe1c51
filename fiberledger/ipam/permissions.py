from django.utils.translation import gettext_lazy as _

LABEL = _("Addresses")
KINDS = ("isp",)

PERMISSIONS = {
    "ipam.view": _("See prefixes, pools and who holds an address"),
    "ipam.assign": _("Assign, reserve and release addresses"),
    "ipam.edit": _("Add and change prefixes, pools, VLANs and VRFs"),
}
