from __future__ import annotations

import ipaddress
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from fiberledger.screens import Button, Column, Empty, Fact, Filter, Screen, View
from fiberledger.screens.cells import looks
from fiberledger.screens.filters import matching
from fiberledger.subscribers.models import Subscriber

from .forms import CgnatRuleForm, PoolForm, PrefixForm, VlanForm, VrfForm
from .mapping import show_count, usage
from .models import CgnatRule, Holding, Pool, Prefix, Vlan, Vrf
from .networks import Net, only, supernets

looks("good", "user-round-check", "assigned")
looks("warn", "bookmark", "reserved")


class InTree:
    """A network with its depth to see."""

    def __init__(self, prefix: Any) -> None:
        self.network, self.depth = str(prefix.network), prefix.depth

    def __str__(self) -> str:
        return self.network

    def __html__(self) -> str:
        return format_html('<bdi class="net d{}">{}</bdi>', min(self.depth, 6), self.network)


def _read(text: str) -> Net | None:
    """A network, or an address as one; None for anything else."""
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def search_prefixes(queryset: QuerySet, text: str, actor: Any) -> QuerySet:
    """An address finds the prefixes it lies in; a network those and what lies in it; a word the description."""
    net = _read(text)
    if net is None:
        return queryset.filter(description__icontains=text.strip())
    return queryset.filter(
        Q(network__in=[str(one) for one in supernets(net)]) | Q(network__gte=str(net), network__lte=str(only(net[-1])))
    )


def search_holdings(queryset: Any, text: str, actor: Any) -> QuerySet:
    """An address or a network; else a subscriber as their own list finds them, or the beginning of what it is for."""
    net = _read(text)
    if net is not None and net.prefixlen < net.max_prefixlen:
        return queryset.inside(net)
    if net is not None:
        return queryset.filter(network__in=[str(one) for one in supernets(net)])
    people = list(matching(Subscriber.objects.visible_to(actor), text, actor).values_list("pk", flat=True)[:50])
    return queryset.filter(Q(subscription__subscriber__in=people) | Q(purpose__istartswith=text.strip()))


def _now_held(rows: Any) -> Any:
    return rows.current()


def _over(rows: Any) -> Any:
    return rows.exclude(ended_at=None)


def _others() -> tuple[Button, ...]:
    return (
        Button(_("Held addresses"), "ipam:holding-list", "user-round-check", "ipam.view"),
        Button(_("Pools"), "ipam:pool-list", "layers", "ipam.view"),
        Button(_("CGNAT"), "ipam:cgnatrule-list", "git-merge", "ipam.view"),
        Button(_("VLANs"), "ipam:vlan-list", "tags", "ipam.view"),
        Button(_("VRFs"), "ipam:vrf-list", "table-2", "ipam.view"),
    )


prefixes = Screen(
    model=Prefix,
    form=PrefixForm,
    permission="ipam",
    icon="network",
    title=_("Prefixes"),
    rows="listed",
    columns=(
        Column("network", value=InTree, kind="text", sort="network"),
        Column("role", kind="choice", sort=False),
        Column("usage", _("Used"), value=usage, sort=False),
        Column("vlan", sort=False),
        Column("branch", sort=False),
        Column("description", sort=False),
        Column("vrf", sort=False),
        Column("gateway", kind="code", sort=False, hidden=True),
        Column("dns", sort=False, hidden=True),
    ),
    filters=("role", "vrf", "branch", "vlan"),
    search=search_prefixes,
    search_hint=_("Address, network or description"),
    order="network",
    status="",
    list_buttons=_others(),
    views=(
        View("public", _("Public"), "role=public"),
        View("cgnat", _("CGNAT"), "role=cgnat"),
        View("dynamic", _("Dynamic"), "role=dynamic"),
    ),
    empty=Empty(
        _("No prefixes yet"),
        _(
            "Add the blocks you were given and those you use inside; smaller ones find their place in larger ones by themselves."
        ),
        "network",
        "ipam:prefix-new",
        _("Add a prefix"),
    ),
    help=_("What lies in what is worked out from the networks themselves."),
)

pools = Screen(
    model=Pool,
    form=PoolForm,
    permission="ipam",
    icon="layers",
    columns=(
        Column("name", kind="code"),
        Column("first", kind="code", sort=False),
        Column("last", kind="code", sort=False),
        Column("size", _("Serves"), value=lambda pool: show_count(pool.size), sort=False),
        Column("kind", kind="choice", sort=False),
        Column("prefix", sort=False),
        Column("prefix__branch", _("Branch"), sort=False),
        Column("description", sort=False, hidden=True),
    ),
    filters=("kind",),
    search=("name__istartswith",),
    order="name",
    status="",
    number="range",
    facts=lambda request, pool: [
        Fact(_("Serves"), show_count(pool.size), icon="layers"),
        Fact(_("Prefix"), str(pool.prefix), url=reverse("ipam:prefix", args=[pool.prefix_id]), icon="network"),
    ],
    buttons=(
        Button(
            _("Assign the next free"), "ipam:assign-of-pool", "user-round-plus", "ipam.assign", primary=True,
            when=lambda pool: pool.kind == Pool.Kind.FIXED,
        ),
        Button(
            _("Remove"), "ipam:remove-pool", "trash-2", "ipam.edit", post=True, tone="bad", order=90,
            confirm=_("Take this pool out of the plan? Routers keep theirs until they are changed."),
        ),
    ),
    empty=Empty(
        _("No pools yet"), _("A pool is a range inside a prefix: open the prefix and add it there."), "layers",
        "ipam:pool-new", _("Add a pool"),
    ),
)  # fmt: skip


def _line_url(holding: Holding) -> str:
    line = holding.subscription
    return reverse("subscribers:subscriber", args=[line.subscriber_id]) if line else ""


holdings = Screen(
    model=Holding,
    permission="ipam",
    edit_needs="-",
    create_needs="-",
    icon="user-round-check",
    title=_("Held addresses"),
    columns=(
        Column("network", value=lambda holding: holding.address, kind="code", sort=False),
        Column("state", kind="badge", sort=False),
        Column(
            "who", _("Line"), value=lambda holding: str(holding.subscription) if holding.subscription_id else "",
            url=_line_url, needs=("subscription__subscriber", "subscription__plan"), sort=False,
        ),
        Column("purpose", sort=False),
        Column("began_at", kind="moment", sort="began_at"),
        Column("ended_at", kind="moment", sort=False),
        Column("vrf", sort=False, hidden=True),
        Column("origin", kind="choice", sort=False, hidden=True),
        Column("began_by", kind="who", sort=False, hidden=True),
        Column("why_ended", sort=False, hidden=True),
    ),
    filters=(
        Filter("now", _("Held now"), test=_now_held, icon="user-round-check"),
        Filter("past", _("Released"), test=_over, icon="history"),
        "state",
        "vrf",
        "began_at",
    ),
    views=(
        View("now", _("Held now"), "now=1"),
        View("reserved", _("Reserved"), "state=reserved&now=1"),
        View("past", _("Released"), "past=1"),
    ),
    search=search_holdings,
    search_hint=_("Address, network or subscriber"),
    order="-began_at",
    status="state",
    buttons=(Button(_("Release"), "ipam:release", "undo-2", "ipam.assign", when=lambda holding: holding.is_current),),
    empty=Empty(
        _("No address is held yet"), _("Open a prefix to assign or reserve one; a line's fixed address comes here by itself."),
        "user-round-check", "ipam:prefix-list", _("Prefixes"),
    ),
)  # fmt: skip

rules = Screen(
    model=CgnatRule,
    form=CgnatRuleForm,
    view_needs="ipam.view",
    edit_needs="-",
    create_needs="ipam.edit",
    icon="git-merge",
    columns=(
        Column("inside", kind="code", sort=False),
        Column("outside", kind="code", sort=False),
        Column("ports", sort=False),
        Column("shared", _("Share one address"), value=lambda rule: rule.plan.each, kind="number", sort=False),
        Column("began_at", kind="moment", sort=False),
        Column("ended_at", kind="moment", sort=False),
        Column("note", sort=False),
    ),
    filters=(Filter("now", _("In force"), test=_now_held),),
    order="-pk",
    record=False,
    status="",
    buttons=(
        Button(
            _("End now"), "ipam:end-rule", "circle-stop", "ipam.edit", post=True, tone="bad",
            confirm=_("End this rule now? Who held a port until now stays known."), when=lambda rule: rule.ended_at is None,
        ),
    ),
    help=_("The router must share its addresses out by the same rule, block by block; then no connection need be logged."),
    empty=Empty(
        _("No CGNAT rules yet"), _("Say which inside addresses share which outside ones, and who held a port is known without a log."),
        "git-merge", "ipam:cgnatrule-new", _("Add a rule"),
    ),
)  # fmt: skip

vlans = Screen(
    model=Vlan,
    form=VlanForm,
    permission="ipam",
    icon="tags",
    columns=(
        Column("number", kind="code", sort="number"),
        Column("name", sort=False),
        Column("branch", sort=False),
        Column("description", sort=False),
    ),
    filters=("branch",),
    search=("name__istartswith", "=number"),
    order="number",
    status="",
    empty=Empty(
        _("No VLANs yet"),
        _("Number the VLANs here that your prefixes live in."),
        "tags",
        "ipam:vlan-new",
        _("Add a VLAN"),
    ),
)

vrfs = Screen(
    model=Vrf,
    form=VrfForm,
    permission="ipam",
    icon="table-2",
    columns=(Column("name", sort=False), Column("rd", kind="code", sort=False), Column("description", sort=False)),
    search=("name__istartswith",),
    order="pk",
    status="",
    help=_("Only where the same addresses are used twice: most networks do with the one that is there."),
    empty=Empty(
        _("One table of addresses"), _("Add a VRF only where the same addresses are used twice."), "table-2", "ipam:vrf-new",
        _("Add a VRF"),
    ),
)  # fmt: skip
