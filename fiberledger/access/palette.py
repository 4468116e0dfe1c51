from __future__ import annotations

import ipaddress
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger.screens import Hit, PaletteAction

from .models import AccessAccount, LiveSession, Nas
from .rules import normal_mac


def find(actor: Any, text: str) -> list[Hit]:
    """A line by its username's beginning, its device or its address; a router by its address."""
    text = text.strip()
    hits: list[Hit] = []
    if len(text) < 3:
        return hits
    mac, address = normal_mac(text), _address(text)
    if actor.may("access.view"):
        accounts = AccessAccount.objects.visible_to(actor).select_related("subscription__subscriber")
        if mac or address:
            live = LiveSession.objects.visible_to(actor).filter(**({"mac": mac} if mac else {"ip": address}))
            ids = list(live.values_list("account_id", flat=True)[:5])
            if address:
                ids += accounts.filter(static_ip=address).values_list("pk", flat=True)[:5]
            else:
                ids += accounts.filter(only_mac=mac).values_list("pk", flat=True)[:5]
            found = accounts.filter(pk__in=[pk for pk in ids if pk])
        else:
            found = accounts.extra(
                where=["lower(access_accessaccount.username) >= %s AND lower(access_accessaccount.username) < %s"],
                params=[text.lower(), text.lower() + "\U0010ffff"],
            )
        for account in found[:5]:
            subscriber = account.subscription.subscriber
            hits.append(
                Hit(
                    account.username,
                    f"{reverse('subscribers:subscriber', args=[subscriber.pk])}?tab=network",
                    f"{subscriber.name} · {subscriber.number}",
                    icon="wifi",
                    status=account.subscription.status,
                    kind=_("Network account"),
                )
            )
    if address and actor.may("access.routers_view"):
        hits += [
            Hit(nas.name, reverse("access:nas", args=[nas.pk]), nas.src_ip, icon="router", kind=_("Router"))
            for nas in Nas.objects.visible_to(actor).filter(src_ip=address)
        ]
    return hits


def _address(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        return ""


ACTIONS = [
    PaletteAction(gettext_lazy("Who is online"), "access:livesession-list", "wifi", "access.sessions", order=40),
    PaletteAction(gettext_lazy("Add a router"), "access:nas-new", "router", "access.routers", order=60),
    PaletteAction(gettext_lazy("Add a point of presence"), "access:pop-new", "map-pin", "access.routers", order=61),
]
