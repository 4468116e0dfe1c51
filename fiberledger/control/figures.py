"""The platform at a glance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger.screens import Figure, Reading, WorkItem, Worklist

from . import services


def _companies(request: Any) -> Reading:
    branches = services.tree(request.tenant)
    suspended = sum(branch.is_suspended for branch in branches)
    return Reading(len(branches), note=_("%(n)d suspended") % {"n": suspended} if suspended else "")


def _subscribers(request: Any) -> Reading:
    branches = services.tree(request.tenant)
    active = sum(branch.active for branch in branches)
    return Reading(sum(branch.subscribers for branch in branches), note=_("%(n)s active") % {"n": f"{active:,}"})


def _work(request: Any) -> Iterable[WorkItem]:
    branches = services.tree(request.tenant)
    if not branches and request.actor.may("control.create"):
        yield WorkItem(
            _("Take in your first company"),
            reverse("control:take_in"),
            _("It gets its own books, roles and web address, and its owner a letter."),
            icon="building-2",
            tone="info",
            action=_("Take in"),
        )
    for branch in branches:
        if not branch.is_suspended and branch.last_seen_at is None:
            yield WorkItem(
                branch.name,
                reverse("control:tenant", args=[branch.id]),
                _("Nobody has signed in there yet."),
                icon="user-x",
                tone="info",
            )


FIGURES = [
    Figure(
        "companies", gettext_lazy("Companies"), _companies, "control:tenants", "building-2", "control.view", order=10
    ),
    Figure(
        "subscribers", gettext_lazy("Subscribers"), _subscribers, "control:tenants", "users", "control.view", order=20
    ),
    Worklist("companies", gettext_lazy("Companies"), _work, "control.view", order=10),
]
