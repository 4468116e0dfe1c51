from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [
    Entry("network", _("Who held an address"), "tracing:tracecase-list", "file-search", "tracing.open", order=60),
]
