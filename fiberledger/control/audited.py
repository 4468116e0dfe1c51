from django.utils.translation import gettext_lazy as _

ACTIONS = {
    "tenant.created": _("Company taken in"),
    "tenant.suspended": _("Company suspended"),
    "tenant.resumed": _("Suspension lifted"),
}
