from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [
    Entry("subscribers", _("Plans"), "catalog:plan-list", "gauge", "catalog.view", order=30, keys="g p"),
    Entry("subscribers", _("Add-ons"), "catalog:addon-list", "puzzle", "catalog.view", order=31),
    Entry("settings", _("Taxes"), "catalog:taxrate-list", "percent", "catalog.view", order=40),
]
