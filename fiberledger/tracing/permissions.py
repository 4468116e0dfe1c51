from django.utils.translation import gettext_lazy as _

LABEL = _("Tracing of addresses")
KINDS = ("isp",)

PERMISSIONS = {
    "tracing.open": _("Open case files and see what was disclosed"),
    "tracing.ask": _("Ask who held an address"),
    "tracing.approve": _("Approve or refuse such a request"),
}
