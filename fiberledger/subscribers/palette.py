from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger import money
from fiberledger.screens import Hit

from . import services
from .states import Status


def find(actor: Any, text: str) -> list[Hit]:
    """Subscribers by name, any part of a phone, number, national id or username."""
    if not actor.may("subscribers.view") or not text.strip():
        return []
    hits = []
    for subscriber in services.find(text, actor=actor, limit=8):
        owed = subscriber.owed
        detail = " · ".join(
            part
            for part in (
                subscriber.number,
                subscriber.shown_phone,
                str(subscriber.area),
                _("owes %s") % money.show(owed) if owed.amount > 0 else "",
            )
            if part
        )
        hits.append(
            Hit(
                subscriber.name,
                reverse("subscribers:subscriber", args=[subscriber.pk]),
                detail,
                "user",
                Status(subscriber.status),
                kind=_("Subscriber"),
            )
        )
    return hits
