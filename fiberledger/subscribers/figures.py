from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger.screens import Figure, Reading, kept, scope

from . import services
from .models import Subscriber
from .states import IN_SERVICE, LIVE, Status


def _counts(request: Any) -> dict[str, int]:
    return services.status_counts(scope.narrow(request, Subscriber.objects.visible_to(request.actor)))


@kept
def _subscribers(request: Any) -> Reading:
    found = _counts(request)
    everyone = sum(count for status, count in found.items() if Status(status) in LIVE - {Status.LEAD})
    on = sum(count for status, count in found.items() if Status(status) in IN_SERVICE)
    note = _("%(on)s in service, %(cut)s suspended") % {"on": f"{on:,}", "cut": f"{found.get(Status.SUSPENDED, 0):,}"}
    return Reading(everyone, note=note)


@kept
def _suspended(request: Any) -> Reading:
    return Reading(_counts(request).get(Status.SUSPENDED, 0), note=_("subscribers"), rising_is="bad")


FIGURES = [
    Figure(
        "subscribers", gettext_lazy("Subscribers"), _subscribers, "subscribers:subscriber-list", "users",
        "subscribers.view", ("owner",), 5,
    ),
    Figure(
        "suspended", gettext_lazy("Suspended"), _suspended,
        lambda: reverse("subscribers:subscriber-list") + "?status=suspended&view=suspended", "unplug",
        "subscribers.view", ("help",), 10,
    ),
]  # fmt: skip
