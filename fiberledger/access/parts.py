"""What this room adds to a subscriber's record: whether they are online, and the network tab."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Fact, Facts, Tab

from . import pages
from .models import AccessAccount, LiveSession

_ON = "subscribers.subscriber"


def _facts(request: Any, subscriber: Any) -> list[Fact]:
    accounts = list(
        AccessAccount.objects.filter(subscription__subscriber=subscriber).exclude(kind="static").order_by("-pk")[:50]
    )
    if not accounts:
        return []
    live = list(LiveSession.objects.filter(username__in=[a.username.lower() for a in accounts]).order_by("-started_at"))
    if not live:
        return [Fact(_("Network"), _now("offline"), url="?tab=network", tone="quiet", icon="wifi-off")]
    text = live[0].ip or _now("online")
    if live[0].behind_wall:
        return [Fact(_("Network"), _now("behind the wall"), url="?tab=network", tone="warn", icon="brick-wall")]
    return [Fact(_("Online"), text, url="?tab=network", tone="good", icon="wifi", hint=live[0].lasted)]


PARTS = [
    Facts(_ON, _facts, "access.view", order=30),
    Tab("network", _("Network"), "access/_network.html", pages.network, "access.view", on=_ON, order=40, icon="wifi"),
]
