from django.utils.translation import gettext_lazy as _

PERMISSIONS = {
    "catalog.view": _("See plans and taxes"),
    "catalog.edit": _("Change plans and taxes"),
}
