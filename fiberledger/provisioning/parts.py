"""What this room adds to other records: a router's lines, and where a subscriber's lines are kept."""

from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Card, Tab

from . import pages

PARTS = [
    Tab(
        "lines", _("Lines on it"), "provisioning/_lines.html", pages.lines_on, "provisioning.view", on="access.nas", order=26,
        icon="hard-drive",
    ),
    Tab(
        "configuration", _("Configuration"), "provisioning/_configuration.html", pages.configuration, "provisioning.view",
        on="access.nas", order=27, icon="file-diff",
    ),
    Card("provisioning/_card.html", pages.card, "provisioning.view", on="subscribers.subscriber", order=45, title=_("On the router")),
]  # fmt: skip
