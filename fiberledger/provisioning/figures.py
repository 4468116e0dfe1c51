from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Min
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fiberledger import calendar
from fiberledger.screens import Figure, Reading, WorkItem, Worklist

from .models import Difference, OnRouter

LATE = timedelta(minutes=10)


def _differences(request: Any) -> Reading:
    """How much on routers is not as it should be, and since when the oldest."""
    found = (
        Difference.objects.visible_to(request.actor).to_heal().order_by().aggregate(n=Count("pk"), oldest=Min("since"))
    )
    if not found["n"]:
        return Reading(0, note=_("the routers have what the books say"), rising_is="bad")
    minutes = int((calendar.now() - found["oldest"]).total_seconds() // 60)
    note = ngettext("the oldest for %(n)d minute", "the oldest for %(n)d minutes", minutes) % {"n": minutes}
    return Reading(found["n"], note=note, tone="bad" if minutes >= 10 else "", rising_is="bad")


def _work(request: Any) -> Iterable[WorkItem]:
    routers = OnRouter.objects.visible_to(request.actor).exclude(mode="off").select_related("nas")
    late = calendar.now() - LATE
    for kept in routers.filter(silent_since__lt=late).order_by("silent_since")[:5]:
        yield WorkItem(
            _("%(name)s cannot be kept right") % {"name": kept.nas.name},
            f"{reverse('access:nas', args=[kept.pk])}?tab=lines", kept.problem, icon="hard-drive", tone="bad", action=_("Look"),
        )  # fmt: skip
    for kept in routers.filter(queues__gte=F("most_queues") * 8 / 10)[:3]:
        text = _("%(name)s carries %(n)s queues of %(most)s") % {
            "name": kept.nas.name, "n": f"{kept.queues:,}", "most": f"{kept.most_queues:,}",
        }  # fmt: skip
        yield WorkItem(
            text, f"{reverse('access:nas', args=[kept.pk])}?tab=lines", _("Move lines to another router before it slows down."),
            icon="gauge", tone="warn",
        )  # fmt: skip
    if count := Difference.objects.visible_to(request.actor).to_heal().filter(since__lt=late).count():
        text = ngettext("%(n)d entry on a router is not right", "%(n)d entries on routers are not right", count) % {
            "n": count
        }
        yield WorkItem(
            text, f"{reverse('provisioning:difference-list')}?open=1", _("For more than ten minutes they could not be put right."),
            icon="hard-drive", count=count, tone="bad",
        )  # fmt: skip


FIGURES = [
    Figure(
        "on-routers", gettext_lazy("Differences on routers"), _differences, "provisioning:difference-list", "hard-drive",
        "provisioning.view", desks=("network",), order=40,
    ),
    Worklist("on-routers", gettext_lazy("On routers"), _work, "provisioning.view", desks=("owner", "network"), order=21),
]  # fmt: skip
