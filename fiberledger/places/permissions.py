from django.utils.translation import gettext_lazy as _

PERMISSIONS = {
    "places.view": _("See branches and areas"),
    "places.edit": _("Change branches and areas"),
}
