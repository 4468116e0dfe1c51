"""The way in: what a new provider does first, on the dashboard until the first bill is out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger.access.models import Nas
from fiberledger.billing.models import Invoice
from fiberledger.catalog.models import Plan
from fiberledger.identity.models import Membership
from fiberledger.places.models import Area
from fiberledger.screens import WorkItem, Worklist
from fiberledger.subscribers.models import Subscriber


def _steps(request: Any) -> Iterable[WorkItem]:
    if Invoice.objects.exists():
        return
    actor, numbers = request.actor, Subscriber.objects.exists()
    plans, places = Plan.objects.exists(), Area.objects.exists()
    steps = (
        (
            not numbers and actor.may("imports.take"),
            _("Bring your spreadsheet in"),
            "imports:new",
            _("Plans, places and subscribers from Excel, LibreOffice or CSV. You see every row's verdict first."),
            "file-up",
            _("Import"),
        ),
        (
            not plans and actor.may("catalog.edit"),
            _("Say what you sell"),
            "catalog:plan-new",
            _("A plan is speed, price and how long it lasts."),
            "gauge",
            _("Add a plan"),
        ),
        (
            not places and actor.may("places.edit"),
            _("Say where you sell it"),
            "subscribers:area-new",
            _("City, town, area, block, street: every subscriber lives in one."),
            "map-pin",
            _("Add an area"),
        ),
        (
            plans and places and not numbers and actor.may("subscribers.create"),
            _("Register your first subscriber"),
            "subscriptions:register",
            _("Who they are and what they take, on one page."),
            "user-plus",
            _("Register"),
        ),
        (
            not Nas.objects.exists() and actor.may("access.routers"),
            _("Connect a router"),
            "access:nas-new",
            _("It asks here who may come in; the page shows what to paste into it."),
            "router",
            _("Add a router"),
        ),
        (
            numbers and actor.may("billing.run"),
            _("Make the first bills"),
            "billing:run-new",
            _("You see how much and for whom before anything is issued."),
            "receipt-text",
            _("Run billing"),
        ),
        (
            Membership.objects.count() < 2 and actor.may("members.manage"),
            _("Invite your team"),
            "team:invite",
            _("Cashiers, collectors, engineers: each sees their own part."),
            "users-round",
            _("Invite"),
        ),
    )
    for wanted, title, url, text, icon, action in steps:
        if wanted:
            yield WorkItem(title, reverse(url), text, icon, "info", action=action)


FIGURES = [Worklist("first-steps", gettext_lazy("First steps"), _steps, "console.overview", desks=("owner",), order=1)]
