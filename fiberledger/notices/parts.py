"""What messages put on a subscriber's record."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger import screens
from fiberledger.screens import Column, Tab

from .models import Notice


def _tab(request: Any, subscriber: Any) -> dict[str, Any]:
    return {
        "table": screens.table(
            (
                Column("event", _("Message"), value=lambda notice: notice.get_event_display()),
                "state",
                Column("via", _("By"), value=lambda notice: notice.get_via_display()),
                "created_at",
                "sent_at",
                "sent_by",
            ),
            Notice.objects.filter(subscriber=subscriber).order_by("-pk")[:50],
            model=Notice,
            url=lambda notice: reverse("notices:notice", args=[notice.pk]),
            caption=_("Messages"),
        )
    }


PARTS = [
    Tab(
        "messages", _("Messages"), "notices/_tab.html", _tab, "notices.view", on="subscribers.subscriber", order=70,
        icon="message-square-text",
    ),
]  # fmt: skip
