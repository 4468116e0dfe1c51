from django.utils.translation import gettext_lazy as _

PERMISSIONS = {
    "catalog.view": _("See plans, add-ons and taxes"),
    "catalog.edit": _("Change plans, add-ons and taxes"),
}
