from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Entry

from .models import SuspensionRun


def _stopped(request) -> int:
    return SuspensionRun.objects.filter(state="stopped").count()


NAVIGATION = [
    Entry("money", _("Suspension"), "dunning:preview", "unplug", "dunning.view", order=40, badge=_stopped),
    Entry("money", _("Suspension runs"), "dunning:run-list", "list-checks", "dunning.view", order=41),
    Entry("settings", _("Suspension rules"), "dunning:settings", "unplug", "dunning.settings", order=40),
]
