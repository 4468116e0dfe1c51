"""The demonstration's plan of addresses: what the company was given, what it uses inside, and who has what of it."""

from __future__ import annotations

import ipaddress
from typing import Any

from fiberledger.access import services as access
from fiberledger.access.models import Nas
from fiberledger.ipam import services as ipam
from fiberledger.ipam.models import Holding, Pool, Prefix, Vlan
from fiberledger.places.models import Branch
from fiberledger.subscriptions.models import Subscription

_PUBLIC = {"bright": "203.0.113.0/24", "savanna": "198.51.100.0/24"}
_SIX = {"bright": "2001:db8:b000::/36", "savanna": "2001:db8:5000::/36"}


def plan(slug: str, nas: Nas, *, by: Any) -> None:
    """The tree, with a pool of the router's."""
    public: Any = ipaddress.ip_network(_PUBLIC[slug])
    six: Any = ipaddress.ip_network(_SIX[slug])
    branches = list(Branch.objects.order_by("pk"))
    management = Vlan.objects.create(number=99, name="Management")
    vlans = [
        Vlan.objects.create(number=100 + 10 * n, name=f"Subscribers {branch}", branch=branch)
        for n, branch in enumerate(branches, 1)
    ]
    _add(public, "public", by, description="Assigned by the registry")
    _add(next(public.subnets(new_prefix=26)), "public", by, gateway=public[1], description="Business lines")
    outside = list(public.subnets(new_prefix=27))
    _add(outside[4], "cgnat", by, description="Outside of CGNAT")
    _add(list(public.subnets(new_prefix=28))[15], "server", by, description="Portal, mail, DNS")
    inside = ipaddress.ip_network("10.0.0.0/8")
    _add(inside, "block", by, description="Everything inside")
    home: Any = ipaddress.ip_network("10.20.0.0/16")
    at_home = _add(home, "dynamic", by, branch=branches[0], vlan=vlans[0], gateway=home[1], description="PPPoE")
    shared = ipaddress.ip_network("100.64.0.0/16")
    _add(shared, "cgnat", by, description="Inside of CGNAT")
    wide: Any = ipaddress.ip_network("10.255.0.0/16")
    _add(wide, "management", by, vlan=management, description="Management")
    for net, role, branch in zip(
        wide.subnets(new_prefix=24), ("router", "onu", "onu", "onu"), [None, *branches], strict=False
    ):
        _add(net, role, by, vlan=management, branch=branch, gateway=net[1], description=str(branch or "Routers"))
    _add(six, "block", by, description="IPv6, all of it")
    for net, branch in zip(six.subnets(new_prefix=40), branches, strict=False):
        _add(net, "dynamic", by, branch=branch, description=f"A /56 for each line, {branch}")
    pools = [
        Pool(name="pool-home", prefix=at_home, first=home[2], last=home[60_000]),
        Pool(name="pool-walled", prefix=at_home, first=home[61_000], last=home[61_999], description="Behind the wall"),
    ]
    access.set_pools(nas, [ipam.save_pool(pool, by=by) for pool in pools], by=by)


def _add(net: Any, role: str, by: Any, **more: Any) -> Prefix:
    return ipam.save_prefix(Prefix(network=net, role=role, **more), by=by)


def hand_out(slug: str, *, by: Any) -> None:
    """Business lines have an address of their own; devices have theirs; some was taken back."""
    business = Prefix.objects.get(description="Business lines")
    lines = list(Subscription.objects.filter(plan__category="business", status="active").order_by("pk")[:24])
    for line in lines:
        ipam.assign(subscription=line, prefix=business, by=by)
    if len(lines) > 3:
        given_up = Holding.objects.filter(subscription=lines[2]).latest("pk")
        ipam.release(given_up, why="Behind CGNAT again, at their wish", by=by)
    access.follow_addresses([line.pk for line in lines])
    ipam.reserve(prefix=business, purpose="For the new bank branch", by=by)
    for name in ("Portal", "Mail", "DNS 1", "DNS 2"):
        ipam.assign(prefix=Prefix.objects.get(role="server"), purpose=name, by=by)
    for prefix in Prefix.objects.filter(role__in=("router", "onu")).order_by("network"):
        for n in range(1, 4 if prefix.role == "router" else 9):
            kind = "Router" if prefix.role == "router" else "OLT"
            ipam.assign(prefix=prefix, purpose=f"{kind} {prefix.description} {n}", by=by)
