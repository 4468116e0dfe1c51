from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [
    Entry("today", _("Today"), "console:home", "layout-dashboard", order=1, phone=1, keys="g t"),
    Entry("today", _("Jobs"), "console:runs", "list-checks", order=60),
    Entry("settings", _("Company"), "console:company", "building-2", "console.company", order=10),
]
