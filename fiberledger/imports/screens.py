from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Button, Column, Empty, Screen

from .importer import importers
from .models import ImportRun


def _kind(run: ImportRun) -> str:
    return str(importers.get(run.importer).title)


import_runs = Screen(
    model=ImportRun,
    permission="imports",
    icon="file-up",
    title=_("Imports"),
    columns=(
        "filename",
        Column("importer", _("What"), value=_kind, sort=False),
        Column("state", kind="badge"),
        Column("rows", sort=False),
        Column("taken", sort=False),
        Column("here", sort=False),
        Column("faulty", sort=False),
        Column("actor_name", sort=False),
        Column("received_at", sort=False),
    ),
    filters=("state",),
    status="state",
    exports=False,
    list_buttons=(Button(_("Import a spreadsheet"), "imports:new", icon="file-up", permission="imports.take"),),
    empty=Empty(
        _("Nothing imported yet"),
        _(
            "Bring your customer list in as it is: Excel, LibreOffice or CSV. You see every row's verdict before anything is stored."
        ),
        "file-up",
    ),
)
