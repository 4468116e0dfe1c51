from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger.screens import Hit, PaletteAction
from fiberledger.screens.screen import url_of

from .models import Holding, Prefix
from .networks import Net
from .screens import _read


def find(actor: Any, text: str) -> list[Hit]:
    """Who holds an address, and the prefix it lies in."""
    net = _read(text) if actor.may("ipam.view") and len(text.strip()) > 3 else None
    if net is None:
        return []
    return [*_holders(actor, net), *_prefixes(actor, net)]


def _holders(actor: Any, net: Net) -> list[Hit]:
    held = Holding.objects.visible_to(actor).current().filter(network=str(net))
    return [
        Hit(
            holding.address, url_of(holding), str(holding.subscription or holding.purpose), icon="user-round-check",
            status=holding.state, kind=_("Held address"),
        )
        for holding in held.select_related("subscription__subscriber", "subscription__plan")[:3]
    ]  # fmt: skip


def _prefixes(actor: Any, net: Net) -> list[Hit]:
    around = Prefix.objects.visible_to(actor).holding(net).order_by("-network")
    return [
        Hit(str(prefix), url_of(prefix), f"{prefix.get_role_display()} · {prefix.description}".rstrip(" ·"), icon="network", kind=_("Prefix"))
        for prefix in around[:3]
    ]  # fmt: skip


ACTIONS = [
    PaletteAction(gettext_lazy("Add a prefix"), "ipam:prefix-new", "network", "ipam.edit", order=62),
]
