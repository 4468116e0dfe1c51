"""What suspension puts on a subscriber's and a subscription's record."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.screens import Button, Card
from fiberledger.subscribers.states import Status
from fiberledger.subscriptions.models import Subscription

from .models import Exemption
from .views import why_context


def _card(request: Any, subscriber: Any) -> dict[str, Any]:
    cut = Q(status=Status.SUSPENDED) | Q(cut_at__lte=calendar.now())
    lines = list(
        Subscription.objects.filter(cut, subscriber=subscriber)
        .select_related("plan", "subscriber__receivable")
        .order_by("pk")[:3]
    )
    return {
        "cuts": [why_context(line) for line in lines],
        "exemption": Exemption.objects.standing(calendar.today()).filter(subscriber=subscriber).first(),
    }


def _is_cut(line: Any) -> bool:
    return line.status == Status.SUSPENDED or line.is_cut_by_the_clock


def _is_suspended(subscriber: Any) -> bool:
    return subscriber.status == Status.SUSPENDED


PARTS = [
    Card(
        "dunning/_card.html", _card, "dunning.view", on="subscribers.subscriber", order=5, title=_("Suspension")
    ),
    Button(
        _("Spare from suspension"), "dunning:exempt", "shield", "dunning.exempt", on="subscribers.subscriber", order=70
    ),
    Button(
        _("Put back unpaid"), "dunning:forgive", "plug-zap", "dunning.forgive", on="subscribers.subscriber", order=71,
        when=_is_suspended,
    ),
    Button(
        _("Why was it cut?"), lambda line: reverse("dunning:why", args=[line.pk]), "circle-help", "dunning.view",
        on="subscriptions.subscription", order=60, when=_is_cut,
    ),
]  # fmt: skip
