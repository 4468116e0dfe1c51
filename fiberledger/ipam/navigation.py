from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [
    Entry("network", _("Addresses"), "ipam:prefix-list", "network", "ipam.view", order=42, keys="g v"),
]
