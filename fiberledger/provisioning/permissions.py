from django.utils.translation import gettext_lazy as _

LABEL = _("Lines on routers")
KINDS = ("isp",)

PERMISSIONS = {
    "provisioning.view": _("See what is on the routers, and what differs"),
    "provisioning.heal": _("Have differences on routers put right, or accept them"),
    "provisioning.routers": _("Say what is kept on a router"),
}
