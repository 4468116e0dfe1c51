from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [
    Entry(
        group="settings",
        label=_("Imports"),
        url="imports:importrun-list",
        icon="file-up",
        permission="imports.view",
        order=70,
    )
]
