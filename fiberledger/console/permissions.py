from django.utils.translation import gettext_lazy as _

LABEL = _("Console")

PERMISSIONS = {
    "console.overview": _("See the whole business on the dashboard"),
    "console.company": _("Change the company profile"),
}
