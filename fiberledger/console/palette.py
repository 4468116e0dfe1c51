from django.utils.translation import gettext_lazy as _

from fiberledger.screens import PaletteAction

ACTIONS = [
    PaletteAction(_("Change the company profile"), "console:company", "building-2", "console.company", order=90),
]
