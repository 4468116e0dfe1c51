from django.utils.translation import gettext_lazy as _

from fiberledger.screens import PaletteAction

ACTIONS = [
    PaletteAction(
        _("Suspend who does not pay"), "dunning:preview", "unplug", "dunning.run",
        words=("suspend", "cut", "disconnect", "street"), order=40,
    ),
]  # fmt: skip
