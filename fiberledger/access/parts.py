"""What this room adds to a subscriber's record: whether they are online, and the network tab."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from fiberledger.ipam.mapping import share_of
from fiberledger.screens import Fact, Facts, Tab

from . import pages, services
from .models import AccessAccount, LiveSession, PoolAtNas

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


def _of_pool(request: Any, pool: Any) -> list[Fact]:
    """Where a pool is, and how many of its addresses somebody online has."""
    online = services.online_in([pool]).get(pool.pk, 0)
    names = ", ".join(PoolAtNas.objects.filter(pool=pool).order_by("nas__name").values_list("nas__name", flat=True)[:5])
    return [
        Fact(_("Online now"), f"{online:,}", icon="wifi", hint=str(share_of(online, pool.size))),
        Fact(_("At"), names or _now("no router yet"), icon="router"),
    ]


PARTS = [
    Facts(_ON, _facts, "access.view", order=30),
    Facts("ipam.pool", _of_pool, "access.sessions"),
    Tab("network", _("Network"), "access/_network.html", pages.network, "access.view", on=_ON, order=40, icon="wifi"),
]
