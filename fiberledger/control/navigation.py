from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [
    Entry("today", _("Companies"), "control:tenants", "building-2", "control.view", order=5, phone=1),
]
