from django.utils.translation import gettext_lazy as _

PERMISSIONS = {
    "files.view": _("See documents and photos"),
    "files.add": _("Add documents and photos"),
}
