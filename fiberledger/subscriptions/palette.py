from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Hit, PaletteAction
from fiberledger.subscribers import services as people
from fiberledger.subscribers.states import Status, may_go


def _those_who_may(name: str, new: str) -> Any:
    def hits(actor: Any, text: str) -> list[Hit]:
        return [
            Hit(
                subscriber.name,
                reverse(f"subscriptions:{name}-all", args=[subscriber.pk]),
                f"{subscriber.number} · {subscriber.shown_phone}",
                "user",
                Status(subscriber.status),
            )
            for subscriber in people.find(text, actor=actor, limit=8)
            if may_go(subscriber.status, new)
        ]

    return hits


ACTIONS = [
    PaletteAction(
        _("Register subscriber"), "subscriptions:register", "user-plus", "subscribers.create", keys="n s", order=10
    ),
    PaletteAction(
        _("Suspend…"),
        icon="ban",
        permission="subscriptions.suspend",
        words=("suspend", "cut"),
        hits=_those_who_may("suspend", "suspended"),
        order=30,
    ),
    PaletteAction(
        _("Resume…"),
        icon="play",
        permission="subscriptions.suspend",
        words=("resume",),
        hits=_those_who_may("resume", "active"),
        order=31,
    ),
]
