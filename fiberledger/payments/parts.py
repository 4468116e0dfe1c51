"""What payments put on a subscriber's record."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger import screens
from fiberledger.screens import Button, Column, Tab, Trail

from .models import Payment


def _tab(request: Any, subscriber: Any) -> dict[str, Any]:
    return {
        "subscriber": subscriber,
        "table": screens.table(
            (
                Column("number", _("Receipt")),
                "amount",
                "method",
                "received_on",
                Column("collector_name", _("Collected by")),
                Column("state", _("State"), kind="badge"),
            ),
            Payment.objects.filter(subscriber=subscriber).order_by("-id")[:50],
            model=Payment,
            url=lambda payment: reverse("payments:payment", args=[payment.pk]),
            caption=_("Payments"),
            empty=_("No payments yet"),
        ),
    }


PARTS = [
    Tab(
        "payments", _("Payments"), "payments/_tab.html", _tab, "payments.view", on="subscribers.subscriber", order=30,
        icon="banknote",
    ),
    Button(
        _("Collect a payment"), "payments:collect_from", "hand-coins", "payments.record", on="subscribers.subscriber",
        primary=True, order=10, keys="c",
    ),
    Trail(
        "subscribers.subscriber", "payments.payment",
        lambda subscriber: Payment.objects.filter(subscriber=subscriber).order_by("-pk").values_list("pk", flat=True)[:60],
        "payments.view",
    ),
]  # fmt: skip
