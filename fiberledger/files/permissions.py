from django.utils.translation import gettext_lazy as _

PERMISSIONS = {"files.open": _("Open private files that pages link to")}
