"""How much of a prefix is used, as a picture: at most 256 cells, worked out from what exists and never from all addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fiberledger.tenancy import current_tenant_id

from .models import Pool, Prefix
from .networks import Net, only

ACROSS = 16
_BITS = 8


@dataclass
class Cell:
    """One address, or one part of the prefix as large as its neighbours."""

    net: Net
    held: float = 0  # addresses
    reserved: float = 0
    pooled: float = 0
    shared: float = 0
    inside: list[Prefix] = field(default_factory=list)
    gateway: bool = False

    @property
    def size(self) -> float:
        return float(self.net.num_addresses)

    @property
    def look(self) -> str:
        """Its class: what it is first of all, and how full."""
        if self.gateway:
            return "gate"
        if self.net.num_addresses == 1:
            return "kept" if self.reserved else "held" if self.held else "pool" if self.pooled else "free"
        if self.shared >= self.size:
            return "sub"
        if self.held:
            return "held" if self.held > self.size * 0.75 else "half" if self.held > self.size * 0.25 else "some"
        if self.shared:
            return "part"
        return "pool" if self.pooled else "free"

    @property
    def words(self) -> str:
        name = str(self.net[0]) if self.net.num_addresses == 1 else str(self.net)
        said = [name]
        if self.gateway:
            said.append(_("gateway"))
        if self.net.num_addresses == 1:
            said += [_("reserved")] if self.reserved else [_("held")] if self.held else []
        elif self.held:
            said.append(_("%(count)s held") % {"count": f"{self.held:,.0f}"})
        if self.pooled:
            said.append(_("in a pool"))
        if self.inside and self.net.num_addresses > 1:
            said.append(", ".join(str(prefix.network) for prefix in self.inside[:3]))
        elif self.shared:
            said.append(_("%(percent)s %% in prefixes") % {"percent": f"{100 * self.shared / self.size:.0f}"})
        return " · ".join(said)


@dataclass
class Map:
    prefix: Prefix
    cells: list[Cell]
    held: float
    reserved: float
    pooled: float
    children: int

    @property
    def summary(self) -> str:
        """The picture in a sentence, for who cannot see it."""
        parts = [ngettext("%(n)s address held", "%(n)s addresses held", round(self.held)) % {"n": f"{self.held:,.0f}"}]
        if self.reserved:
            parts.append(_("%(n)s reserved") % {"n": f"{self.reserved:,.0f}"})
        if self.pooled:
            parts.append(_("%(n)s in pools") % {"n": show_count(self.pooled)})
        if self.children:
            parts.append(ngettext("%(n)s prefix inside", "%(n)s prefixes inside", self.children) % {"n": f"{self.children:,}"})  # fmt: skip
        return _("%(network)s: %(parts)s") % {"network": self.prefix.network, "parts": ", ".join(parts)}

    @property
    def each(self) -> str:
        """What one square stands for."""
        first = self.cells[0].net
        return _("one address") if first.num_addresses == 1 else f"/{first.prefixlen}"

    def svg(self) -> SafeString:
        rows = -(-len(self.cells) // ACROSS)
        across = min(ACROSS, len(self.cells))
        drawn = "".join(self._square(n, cell) for n, cell in enumerate(self.cells))
        return format_html(
            '<svg class="addresses" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
            max(across, ACROSS) * 10, rows * 10, self.summary, mark_safe(drawn),
        )  # fmt: skip

    def _square(self, n: int, cell: Cell) -> str:
        square = format_html(
            '<rect class={} x={} y={} width=9 height=9 rx=1.5><title>{}</title></rect>',
            cell.look, n % ACROSS * 10, n // ACROSS * 10, cell.words,
        )  # fmt: skip
        if len(cell.inside) == 1 and cell.net.num_addresses > 1:
            return format_html(
                '<a href="{}" tabindex=-1>{}</a>', reverse("ipam:prefix", args=[cell.inside[0].pk]), square
            )
        return square


def map_of(prefix: Prefix) -> Map:
    """The picture of a prefix: six questions, each answered by an index range."""
    net = prefix.network
    length = min(net.prefixlen + _BITS, net.max_prefixlen)
    cells = {part: Cell(part) for part in net.subnets(new_prefix=length)}
    for part, held, reserved in _held_by_part(prefix, length):
        if part in cells:
            cells[part].held, cells[part].reserved = held, reserved
    children = 0
    for part, shared, count in _shared_by_part(prefix, length):
        children += count
        cells[part].shared += shared
    wide = Prefix.objects.filter(vrf_id=prefix.vrf_id, network__gt=str(net), network__lte=str(only(net[-1])))
    for child in wide.extra(where=["masklen(network) <= %s"], params=[length]).order_by("network")[:600]:
        children += 1
        for part in child.network.subnets(new_prefix=length) if child.network.prefixlen < length else [child.network]:
            cells[part].inside = [child]
            cells[part].shared = cells[part].size
    pooled = 0
    for pool in Pool.objects.filter(vrf_id=prefix.vrf_id, first__gte=str(net[0]), first__lte=str(net[-1])):
        pooled += int(pool.last) - int(pool.first) + 1
        for cell in _under(pool, cells, length):
            cell.pooled += min(int(pool.last), int(cell.net[-1])) - max(int(pool.first), int(cell.net[0])) + 1
    if prefix.gateway is not None and length == net.max_prefixlen:
        cells[only(prefix.gateway)].gateway = True
    drawn = list(cells.values())
    return Map(prefix, drawn, sum(cell.held for cell in drawn), sum(cell.reserved for cell in drawn), pooled, children)


def _under(pool: Pool, cells: dict[Net, Cell], length: int) -> Iterator[Cell]:
    size = 1 << (pool.first.max_prefixlen - length)
    kind = ipaddress.IPv4Network if pool.first.version == 4 else ipaddress.IPv6Network
    at = int(pool.first) // size * size
    while at <= int(pool.last):
        cell = cells.get(kind((at, length)))
        if cell is None:
            return
        yield cell
        at += size


def _ask(sql: str, prefix: Prefix, length: int) -> list[Any]:
    net = prefix.network
    with connection.cursor() as cursor:
        cursor.execute(
            sql,
            {"length": length, "tenant": current_tenant_id(), "vrf": prefix.vrf_id, "net": str(net),
             "last": str(only(net[-1]))},
        )  # fmt: skip
        return [(ipaddress.ip_network(str(row[0])), *row[1:]) for row in cursor.fetchall()]


def _held_by_part(prefix: Prefix, length: int) -> list[tuple[Net, float, float]]:
    return _ask(
        """SELECT set_masklen(network, %(length)s) AS part, sum(ipam_size(network)),
                  coalesce(sum(ipam_size(network)) FILTER (WHERE state = 'reserved'), 0)
             FROM ipam_holding
            WHERE tenant_id = %(tenant)s AND vrf_id = %(vrf)s AND ended_at IS NULL AND network >= %(net)s::cidr
              AND network <= %(last)s::cidr AND masklen(network) >= %(length)s GROUP BY 1""",
        prefix,
        length,
    )


def _shared_by_part(prefix: Prefix, length: int) -> list[tuple[Net, float, int]]:
    """Of prefixes smaller than a cell: how much of each they fill together; those inside each other once."""
    return _ask(
        """SELECT set_masklen(network, %(length)s) AS part, sum(ipam_size(network)), count(*)::int
             FROM (SELECT network, max(ipam_last(network)::inet) OVER (ORDER BY network ROWS BETWEEN UNBOUNDED PRECEDING
                          AND 1 PRECEDING) AS behind
                     FROM ipam_prefix WHERE tenant_id = %(tenant)s AND vrf_id = %(vrf)s AND network > %(net)s::cidr
                      AND network <= %(last)s::cidr AND masklen(network) > %(length)s) inside
            WHERE behind IS NULL OR behind < network GROUP BY 1""",
        prefix,
        length,
    )


def show_count(count: float) -> str:
    """1,024 as it is; what no list will ever hold as a power of two."""
    count = int(count)
    return f"{count:,}" if count < 10**9 else f"2^{count.bit_length() - 1}"


def share_of(count: float, size: float, look: str = "held") -> Bar:
    """So many of so many, as a bar."""
    return Bar([(look, min(1.0, count / size))], count / size)


class Bar:
    """Shares as a bar and the whole in words, for a cell of a list and for its export."""

    def __init__(self, parts: list[tuple[str, float]], share: float, words: str = "") -> None:
        self.parts, self.share, self.words = parts, share, words

    @property
    def percent(self) -> str:
        percent = 100 * self.share
        return f"{percent:.0f} %" if percent >= 1 or not percent else "< 1 %"

    def __str__(self) -> str:
        return " · ".join(part for part in (self.percent, self.words) if part)

    def __html__(self) -> SafeString:
        at, drawn = 0.0, ""
        for look, share in self.parts:
            width = max(2.0, 100 * share) if share else 0.0
            if width:
                at = min(at, 98.0)
                square = "<rect class={} x={} width={} height=6 />"
                drawn += format_html(square, look, f"{at:.1f}", f"{min(width, 100 - at):.1f}")
                at += width
        return format_html(
            '<span class="use"><svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
            '<bdi class="num">{}</bdi></span>{}',
            mark_safe(drawn), self.percent, format_html(' <span class="quiet">{}</span>', self.words) if self.words else "",
        )  # fmt: skip


def usage(prefix: Any) -> Bar:
    """How much of a listed prefix is used: what lies in prefixes inside, or else what pools and holders have."""
    size = float(prefix.network.num_addresses)
    words = _("%(count)s held") % {"count": show_count(prefix.held)} if prefix.held else ""
    if prefix.shared:
        return Bar([("sub", prefix.shared)], prefix.shared, words)
    pooled, held = min(1.0, prefix.pooled / size), min(1.0, prefix.held / size)
    return Bar([("pool", pooled), ("held", held)], min(1.0, pooled + held), words)
