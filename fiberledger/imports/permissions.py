from django.utils.translation import gettext_lazy as _

PERMISSIONS = {
    "imports.view": _("See imports"),
    "imports.take": _("Import spreadsheets"),
    "imports.undo": _("Undo an import"),
}
