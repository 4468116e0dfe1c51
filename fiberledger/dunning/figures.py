from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger.screens import WorkItem, Worklist

from .models import SuspensionRun


def _waiting(request: Any) -> Iterable[WorkItem]:
    for run in SuspensionRun.objects.filter(state="stopped").order_by("-pk")[:1]:
        yield WorkItem(
            _("A suspension run was stopped"),
            reverse("dunning:run", args=[run.pk]),
            _("It would cut %(cut)d of %(on)d lines. Look at it, then let it go on or cut nobody.")
            % {"cut": run.to_cut, "on": run.lines_on},
            icon="octagon-pause",
            tone="bad",
            count=run.to_cut,
        )


FIGURES = [
    Worklist(
        "suspension",
        gettext_lazy("Suspension"),
        _waiting,
        permission="dunning.view",
        desks=("owner", "cash", "help"),
        order=5,
    ),
]
