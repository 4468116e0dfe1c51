from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fiberledger.screens import Figure, Reading, WorkItem, Worklist

from .models import LineUsage


def _at_limit(request: Any) -> Reading:
    """How many lines are slowed down or stopped for what they used."""
    rows = LineUsage.objects.visible_to(request.actor).filter(state__in=["slowed", "stopped", "near"])
    found = dict(rows.order_by().values_list("state").annotate(n=Count("pk")))
    near = found.get("near", 0)
    note = ngettext("%(n)d more near its limit", "%(n)d more near their limit", near) % {"n": near}
    return Reading(found.get("slowed", 0) + found.get("stopped", 0), note=note, rising_is="bad")


def _stopped(request: Any) -> Iterable[WorkItem]:
    if count := LineUsage.objects.visible_to(request.actor).filter(state="stopped").count():
        text = ngettext("%(n)d line is stopped", "%(n)d lines are stopped", count) % {"n": count}
        yield WorkItem(
            text, f"{reverse('usage:lineusage-list')}?state=stopped", _("They used up their data. Offer them more."),
            icon="octagon-pause", count=count, tone="warn",
        )  # fmt: skip


FIGURES = [
    Figure(
        "at-their-limit", gettext_lazy("At their limit"), _at_limit, "usage:lineusage-list", "gauge", "usage.view",
        desks=("network", "help"), order=43,
    ),
    Worklist("usage", gettext_lazy("Usage"), _stopped, "usage.view", desks=("help",), order=40),
]  # fmt: skip
