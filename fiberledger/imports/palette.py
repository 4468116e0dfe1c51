from django.utils.translation import gettext_lazy as _

from fiberledger.screens import PaletteAction

ACTIONS = [PaletteAction(_("Import a spreadsheet"), "imports:new", icon="file-up", permission="imports.take")]
