"""Parts of pages: what the tabs of a prefix and of an address show."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from fiberledger import screens
from fiberledger.screens import Column

from .mapping import map_of, show_count, usage
from .models import Holding, Pool, Prefix
from .networks import only
from .screens import InTree

_LINES = 100


def overview(request: Any, prefix: Prefix) -> dict[str, Any]:
    """The map, and the prefixes and pools inside."""
    net = prefix.network
    drawn = map_of(prefix)
    inside = Prefix.objects.filter(vrf_id=prefix.vrf_id, network__gt=str(net), network__lte=str(only(net[-1])))
    children = list(inside.listed().order_by("network")[: _LINES + 1])
    pools = Pool.objects.filter(vrf_id=prefix.vrf_id, first__gte=str(net[0]), first__lte=str(net[-1]))
    columns: list[Any] = [
        Column("network", value=InTree, kind="text"), "role", Column("usage", _("Used"), value=usage), "description",
    ]  # fmt: skip
    of_pools: list[Any] = [
        Column("name", kind="code"), Column("first", kind="code"), Column("last", kind="code"),
        Column("size", _("Serves"), value=lambda pool: show_count(pool.size)), "kind",
    ]  # fmt: skip
    return {
        "map": drawn,
        "children": screens.table(columns, children[:_LINES], model=Prefix) if children else None,
        "more_children": len(children) > _LINES,
        "children_url": f"{reverse('ipam:prefix-list')}?q={net}",
        "pools": screens.table(of_pools, pools.order_by("first")[:_LINES], model=Pool),
    }


def addresses(request: Any, prefix: Prefix) -> dict[str, Any]:
    """Who holds an address of the prefix now."""
    held = Holding.objects.visible_to(request.actor).current().filter(vrf_id=prefix.vrf_id).inside(prefix.network)
    rows = list(held.select_related("subscription__subscriber", "subscription__plan").order_by("network")[: _LINES + 1])
    return {
        "table": screens.table(_OF_HOLDINGS, rows[:_LINES], model=Holding, empty=_("Nobody holds an address here.")),
        "more": f"{reverse('ipam:holding-list')}?q={prefix.network}&now=1" if len(rows) > _LINES else "",
    }


def holders(request: Any, holding: Holding) -> dict[str, Any]:
    """Who held this address, now and before."""
    rows = Holding.objects.visible_to(request.actor).filter(vrf_id=holding.vrf_id, network=str(holding.network))
    columns = [*_OF_HOLDINGS, Column("ended_at", kind="moment"), "began_by", "why_ended"]
    return {
        "table": screens.table(
            columns,
            rows.select_related("subscription__subscriber", "subscription__plan").order_by("-began_at")[:_LINES],
            model=Holding,
        )
    }


_OF_HOLDINGS: list[Any] = [
    Column("network", value=lambda holding: holding.address, kind="code"), Column("state", kind="badge"),
    Column("who", _("Line"), value=lambda holding: str(holding.subscription) if holding.subscription_id else "",
           url=lambda holding: reverse("subscribers:subscriber", args=[holding.subscription.subscriber_id])
           if holding.subscription_id else ""),
    "purpose", Column("began_at", kind="moment"),
]  # fmt: skip
