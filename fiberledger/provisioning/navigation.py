from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [
    Entry("network", _("On routers"), "provisioning:difference-list", "hard-drive", "provisioning.view", order=46),
    Entry(
        "network", _("Steps on routers"), "provisioning:routerstep-list", "list-checks", "provisioning.view", order=51
    ),
]
