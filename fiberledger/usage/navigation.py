from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

NAVIGATION = [Entry("network", _("Usage"), "usage:lineusage-list", "chart-column", "usage.view", order=15, keys="g u")]
