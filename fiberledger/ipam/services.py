from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import Refusal, current_tenant_id

from .events import AddressesChanged
from .models import CgnatRule, Holding, Pool, Prefix, Vrf
from .networks import Ip, Net, gaps, only, outermost, supernets, usable

MOST_PARTS = 256  # of one split


def provision() -> None:
    """A new tenant has one table of addresses."""
    Vrf.objects.get_or_create(is_main=True, defaults={"name": "Main"})


def main_vrf() -> Vrf:
    """The table that is meant when nobody names one. Tenants from before there was one get it when it is first asked for."""
    found = Vrf.objects.filter(is_main=True).first()
    if found is None:
        provision()
        found = Vrf.objects.get(is_main=True)
    return found


# --- prefixes -------------------------------------------------------------------------------------------------


def save_prefix(prefix: Prefix, *, by: Any) -> Prefix:
    """Store a prefix. A new one takes its place in the tree by what it contains; its network never changes after."""
    new = prefix.pk is None
    before = None if new else audit.snapshot(Prefix.objects.get(pk=prefix.pk))
    prefix.tenant_id = prefix.tenant_id or current_tenant_id()
    if prefix.vrf_id is None:
        prefix.vrf = main_vrf()
    if prefix.gateway is not None and prefix.gateway not in prefix.network:
        raise Refusal(
            _("The gateway %(gateway)s is not in %(network)s.") % {"gateway": prefix.gateway, "network": prefix.network}
        )
    inside = _pools_within(prefix) if new else []
    try:
        with transaction.atomic():
            prefix.save()
    except IntegrityError as error:
        raise Refusal(_("%(network)s is in this VRF already.") % {"network": prefix.network}) from error
    Pool.objects.filter(pk__in=[pool.pk for pool in inside]).update(prefix=prefix)
    audit.note(by, "prefix.added" if new else "prefix.changed", prefix, before=before, after=audit.snapshot(prefix))
    return prefix


def _pools_within(prefix: Prefix) -> list[Pool]:
    """The pools that move into a new prefix. Refuses one that it would cut."""
    net = prefix.network
    above = Prefix.objects.filter(vrf=prefix.vrf).holding(net).values("pk")
    touching = Pool.objects.filter(prefix__in=above, first__lte=str(net[-1]), last__gte=str(net[0]))
    for pool in touching:
        if pool.first not in net or pool.last not in net:
            raise Refusal(
                _("The pool %(pool)s (%(range)s) stands across %(network)s: shorten it first.")
                % {"pool": pool, "range": pool.range, "network": net}
            )
    return list(touching)


def split(prefix: Prefix, length: int, *, by: Any) -> list[Prefix]:
    """Make the prefixes of that length inside this one, those that are not there yet. They are for what it is for."""
    net = prefix.network
    if not net.prefixlen < length <= net.max_prefixlen:
        raise Refusal(
            _("%(network)s splits into longer prefixes: from /%(from)d to /%(to)d.")
            % {"network": net, "from": net.prefixlen + 1, "to": min(net.prefixlen + 8, net.max_prefixlen)}
        )
    if length - net.prefixlen > 8:
        raise Refusal(
            _("That would be %(count)s prefixes. Split into at most %(most)d at once: /%(to)d.")
            % {"count": f"{1 << (length - net.prefixlen):,}", "most": MOST_PARTS, "to": net.prefixlen + 8}
        )
    there = set(Prefix.objects.filter(vrf=prefix.vrf, network__gt=str(net), network__lte=str(only(net[-1])))
                .values_list("network", flat=True))  # fmt: skip
    parts = [
        Prefix(network=part, vrf_id=prefix.vrf_id, role=prefix.role, vlan_id=prefix.vlan_id, branch_id=prefix.branch_id)
        for part in net.subnets(new_prefix=length)
        if part not in there
    ]
    if not parts:
        raise Refusal(_("All of these prefixes are there already."))
    moved = [(pool, part) for part in parts for pool in _pools_within(part)]
    made = Prefix.objects.bulk_create(parts)
    for pool, part in moved:
        Pool.objects.filter(pk=pool.pk).update(prefix=part)
    audit.note(by, "prefix.split", prefix, length=length, made=len(made))
    audit.note_many(
        by, "prefix.added", [("ipam.prefix", one.pk, str(one), None, {"network": str(one.network)}) for one in made]
    )
    return made


def remove_prefix(prefix: Prefix, *, by: Any) -> None:
    """Take a prefix out of the tree. What lies in it then lies in the one above; history stays."""
    if pool := Pool.objects.filter(prefix=prefix).first():
        raise Refusal(_("The pool %(pool)s is in it: remove that first.") % {"pool": pool})
    if holder := Holding.objects.current().filter(vrf=prefix.vrf, network=str(prefix.network)).first():
        raise Refusal(_in_the_way(holder))
    audit.note(by, "prefix.removed", prefix, before=audit.snapshot(prefix))
    prefix.delete()


# --- pools ----------------------------------------------------------------------------------------------------


def save_pool(pool: Pool, *, by: Any) -> Pool:
    """Store a pool. It lies wholly in its prefix, beside the prefixes inside that one, and touches no other pool."""
    new = pool.pk is None
    before = None if new else audit.snapshot(Pool.objects.get(pk=pool.pk))
    pool.tenant_id, pool.vrf_id = pool.tenant_id or current_tenant_id(), pool.prefix.vrf_id
    net = pool.prefix.network
    for end in (pool.first, pool.last):
        if end not in net:
            raise Refusal(_("%(address)s is not in %(network)s.") % {"address": end, "network": net})
    if pool.first > pool.last:
        raise Refusal(_("The pool ends before it begins: exchange the two addresses."))
    if pool.length is not None and not net.prefixlen < pool.length < net.max_prefixlen:
        raise Refusal(_("Each gets a prefix longer than /%(length)d.") % {"length": net.prefixlen})
    child = Prefix.objects.filter(
        vrf_id=pool.vrf_id, network__gt=str(net), network__lte=str(only(pool.last))
    ).order_by("network")  # fmt: skip
    for other in child:
        if other.network[-1] >= pool.first:
            raise Refusal(_("%(network)s lies in this range: make the pool there.") % {"network": other.network})
    try:
        with transaction.atomic():
            pool.save()
    except IntegrityError as error:
        other = Pool.objects.filter(vrf_id=pool.vrf_id, first__lte=str(pool.last), last__gte=str(pool.first))
        there = other.exclude(pk=pool.pk).first()
        if there is None:
            raise
        raise Refusal(
            _("The pool %(pool)s (%(range)s) has some of these addresses.") % {"pool": there, "range": there.range}
        ) from error
    audit.note(by, "pool.added" if new else "pool.changed", pool, before=before, after=audit.snapshot(pool))
    return pool


def remove_pool(pool: Pool, *, by: Any) -> None:
    audit.note(by, "pool.removed", pool, before=audit.snapshot(pool))
    pool.delete()


# --- who holds what -------------------------------------------------------------------------------------------


def assign(
    *,
    by: Any,
    subscription: Subscription | None = None,
    purpose: str = "",
    address: Ip | Net | str | None = None,
    prefix: Prefix | None = None,
    pool: Pool | None = None,
    vrf: Vrf | None = None,
    state: str = Holding.State.ASSIGNED,
) -> Holding:
    """Give an address to a line, or to what `purpose` says: the one named, or the next free one of a prefix or pool.

    A whole prefix is given by naming its network, if it is in the tree. Refuses what somebody holds, and says who does.
    """
    if subscription is None and not purpose.strip():
        raise Refusal(_("Say for which line, or what for."))
    if pool is not None:
        prefix = pool.prefix
    vrf_id = prefix.vrf_id if prefix else vrf.pk if vrf else main_vrf().pk
    holding = Holding(
        vrf_id=vrf_id, subscription=subscription, purpose=purpose.strip(), state=state, began_by=str(by)[:120]
    )
    if address is None:
        if prefix is None:
            raise Refusal(_("Name an address, or a prefix to take the next free one of."))
        _take_next(holding, prefix, pool)
    else:
        holding.network = _named(address, vrf_id, state)
        if prefix is not None and not holding.network.subnet_of(prefix.network):
            raise Refusal(
                _("%(address)s is not in %(network)s.") % {"address": holding.address, "network": prefix.network}
            )
        _take(holding)
    audit.note(
        by,
        f"address.{state}",
        holding,
        after={"address": holding.address, "line": subscription.pk if subscription else None, "purpose": purpose},
    )
    if subscription is not None:
        jobs.publish(AddressesChanged([subscription.pk]))
    return holding


def reserve(*, by: Any, purpose: str, **where: Any) -> Holding:
    """Keep an address back, saying what for."""
    return assign(by=by, purpose=purpose, state=Holding.State.RESERVED, **where)


def _named(address: Ip | Net | str, vrf_id: int, state: str) -> Net:
    """The network that a named address or prefix is; refuses what no host may have."""
    try:
        net = ipaddress.ip_network(address)
    except ValueError as error:
        raise Refusal(_("“%(text)s” is no address.") % {"text": str(address)[:60]}) from error
    if net.prefixlen < net.max_prefixlen:
        if not Prefix.objects.filter(vrf_id=vrf_id, network=str(net)).exists():
            raise Refusal(_("%(network)s is not among the prefixes: add it first.") % {"network": net})
        return net
    around = Prefix.objects.filter(vrf_id=vrf_id).holding(net).last()
    if around is not None and around.network != net and state == Holding.State.ASSIGNED:
        first, last = usable(around.network)
        if not int(first) <= int(net[0]) <= int(last):
            raise Refusal(
                _("%(address)s is the network's own or broadcast address of %(network)s.")
                % {"address": net[0], "network": around.network}
            )
        if around.gateway == net[0]:
            raise Refusal(
                _("%(address)s is the gateway of %(network)s.") % {"address": net[0], "network": around.network}
            )
    return net


def _take(holding: Holding) -> None:
    try:
        with transaction.atomic():
            holding.save(force_insert=True)
    except IntegrityError as error:
        raise Refusal(_in_the_way(_holder_of(holding.vrf_id, holding.network))) from error


def _take_next(holding: Holding, prefix: Prefix, pool: Pool | None) -> None:
    """The next free address, asked for again where somebody who named it was faster."""
    for _attempt in range(20):
        with connection.cursor() as cursor:
            cursor.execute("SELECT host(ipam_next_free(%s, %s))", [prefix.pk, pool.pk if pool else None])
            found = cursor.fetchone()[0]
        if found is None:
            raise Refusal(_("No address is free in %(where)s.") % {"where": pool or prefix})
        holding.network = ipaddress.ip_network(found)
        try:
            with transaction.atomic():
                holding.save(force_insert=True)
            return
        except IntegrityError:
            continue
    raise Refusal(_("Others are taking addresses of %(where)s: try again.") % {"where": pool or prefix})


def _holder_of(vrf_id: int, net: Net) -> Holding | None:
    """Who holds some of these addresses now."""
    current = (
        Holding.objects.current().filter(vrf_id=vrf_id).select_related("subscription__subscriber", "subscription__plan")
    )
    return current.at(net, calendar.now()).first() or current.inside(net).first()


def _in_the_way(holder: Holding | None) -> str:
    if holder is None:
        return _("Somebody else has just taken this address: try again.")
    who = str(holder.subscription) if holder.subscription_id else holder.purpose
    text = (
        _("%(address)s is reserved for %(who)s since %(day)s.")
        if holder.state == Holding.State.RESERVED
        else _("%(address)s is held by %(who)s since %(day)s.")
    )
    return text % {"address": holder.address, "who": who, "day": f"{calendar.local(holder.began_at):%Y-%m-%d}"}


def release(holding: Holding, *, why: str, by: Any) -> None:
    """Take an address back. Who held it, and until when, stays known."""
    if not why.strip():
        raise Refusal(_("Say why it is released."))
    done = Holding.objects.current().filter(pk=holding.pk).update(
        ended_at=calendar.now(), ended_by=str(by)[:120], why_ended=why.strip()[:200]
    )  # fmt: skip
    if not done:
        raise Refusal(_("%(address)s was released already.") % {"address": holding.address})
    audit.note(by, "address.released", holding, reason=why.strip())
    if holding.subscription_id:
        jobs.publish(AddressesChanged([holding.subscription_id]))


def release_lines(subscription_ids: Sequence[int], *, why: str, by: Any) -> int:
    """Take back whatever these lines hold."""
    held = Holding.objects.current().filter(subscription_id__in=list(subscription_ids))
    gone = [(holding.pk, holding.address) for holding in held]
    if not gone:
        return 0
    held.filter(pk__in=[pk for pk, _address in gone]).update(
        ended_at=calendar.now(), ended_by=str(by)[:120], why_ended=why[:200]
    )
    audit.note_many(
        by, "address.released", [("ipam.holding", pk, address, None, {"reason": why}) for pk, address in gone]
    )
    return len(gone)


def fix_addresses(wanted: Mapping[int, Sequence[str]], *, why: str = "", by: Any) -> None:
    """What the network accounts of these lines have as fixed addresses and prefixes is what the lines hold for them.

    Set-based, for one account and for an import of fifty thousand. An address outside every prefix is held all the same.
    Refuses what somebody else holds, and says who. An address the line was given here stays as it was given.
    """
    if not wanted:
        return
    vrf, now, who, tenant = main_vrf(), calendar.now(), str(by)[:120], current_tenant_id()
    pairs = [
        (line, str(net))
        for line, addresses in wanted.items()
        for net in outermost(ipaddress.ip_network(address) for address in addresses)
    ]
    lines, networks = [line for line, _address in pairs], [address for _line, address in pairs]
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE ipam_holding h SET ended_at = greatest(%s, h.began_at), ended_by = %s, why_ended = %s
                WHERE h.tenant_id = %s AND h.subscription_id = ANY (%s) AND h.origin = 'account' AND h.ended_at IS NULL
                  AND NOT EXISTS (SELECT FROM unnest(%s::bigint[], %s::cidr[]) AS w (line, network)
                                   WHERE w.line = h.subscription_id AND w.network = h.network)
            RETURNING h.id, host(h.network)""",
            [now, who, (why or _("The account has another address"))[:200], tenant, list(wanted), lines, networks],
        )
        released = cursor.fetchall()
        try:
            with transaction.atomic():
                cursor.execute(
                    """INSERT INTO ipam_holding (tenant_id, vrf_id, network, state, subscription_id, purpose, origin, began_at,
                              began_by, ended_by, why_ended)
                       SELECT %s, %s, w.network, 'assigned', w.line, '', 'account', %s, %s, '', ''
                         FROM unnest(%s::bigint[], %s::cidr[]) AS w (line, network)
                        WHERE NOT EXISTS (SELECT FROM ipam_holding h WHERE h.tenant_id = %s AND h.vrf_id = %s AND h.ended_at IS NULL
                                             AND h.subscription_id = w.line AND h.network >>= w.network)
                    RETURNING id, host(network)""",
                    [tenant, vrf.pk, now, who, lines, networks, tenant, vrf.pk],
                )
                given = cursor.fetchall()
        except IntegrityError as error:
            raise Refusal(_who_is_in_the_way(vrf, pairs)) from error
    audit.note_many(
        by, "address.released", [("ipam.holding", pk, address, None, {"reason": why}) for pk, address in released]
    )
    audit.note_many(by, "address.assigned", [("ipam.holding", pk, address, None, None) for pk, address in given])


def _who_is_in_the_way(vrf: Vrf, wanted: Iterable[tuple[int, str]]) -> str:
    for line, address in wanted:
        holder = _holder_of(vrf.pk, ipaddress.ip_network(address))
        if holder is not None and holder.subscription_id != line:
            return _in_the_way(holder)
    return _in_the_way(None)


def save_rule(rule: CgnatRule, *, by: Any) -> CgnatRule:
    """Write down how inside addresses share outside ones, from now on. It is ended, never changed: who held a port of an
    address last year is asked of last year's rule."""
    rule.tenant_id = rule.tenant_id or current_tenant_id()
    if rule.inside.version != 4 or rule.outside.version != 4:
        raise Refusal(_("CGNAT is for IPv4."))
    if not rule.plan.fits:
        raise Refusal(
            _("%(inside)s addresses with %(ports)s ports each need %(needed)s outside addresses, and %(outside)s has %(there)s.")
            % {"inside": f"{rule.inside.num_addresses:,}", "ports": f"{rule.ports:,}", "needed": f"{rule.plan.needed:,}",
               "outside": rule.outside, "there": f"{rule.outside.num_addresses:,}"}
        )  # fmt: skip
    try:
        with transaction.atomic():
            rule.save(force_insert=True)
    except IntegrityError as error:
        there = next((one for one in CgnatRule.objects.current() if one.outside.overlaps(rule.outside)), None)
        raise Refusal(
            _("Another rule has some of these outside addresses: %(rule)s.") % {"rule": there or ""}
        ) from error
    audit.note(by, "cgnat.added", rule, after=audit.snapshot(rule))
    return rule


def end_rule(rule: CgnatRule, *, by: Any) -> None:
    if not CgnatRule.objects.current().filter(pk=rule.pk).update(ended_at=calendar.now()):
        raise Refusal(_("This rule has ended already."))
    audit.note(by, "cgnat.ended", rule)


def inside_of(address: Ip, port: int | None, moment: Any) -> list[tuple[Ip, CgnatRule]]:
    """Which inside addresses stood behind this outside one at that time: one by its port, or all that shared it."""
    found: list[tuple[Ip, CgnatRule]] = []
    for rule in CgnatRule.objects.at(moment).filter(outside__in=[str(net) for net in supernets(address)]):
        plan = rule.plan
        ports = (
            [port] if port is not None else range(plan.first_port, plan.first_port + plan.each * plan.ports, plan.ports)
        )
        found += [(ip, rule) for each in ports if (ip := plan.inside_of(address, each)) is not None]
    return found


def addresses_held(addresses: Iterable[str]) -> set[str]:
    """Which of these somebody holds in the main table."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT host(network) FROM ipam_holding h
                WHERE tenant_id = %s AND vrf_id = %s AND ended_at IS NULL AND network = ANY (%s::cidr[])""",
            [current_tenant_id(), main_vrf().pk, list(addresses)],
        )
        return {row[0] for row in cursor}


def forget_lines(subscription_ids: Sequence[int]) -> None:
    """As if these lines had never held anything: for an import that is undone."""
    held = Holding.objects.filter(subscription_id__in=list(subscription_ids))
    held._raw_delete(held.db)


def free_range(prefix: Prefix) -> tuple[Ip, Ip]:
    """Where a new pool would fit: the longest run without gateway, pools and prefixes inside."""
    net = prefix.network
    first, last = usable(net)
    taken = [(int(prefix.gateway), int(prefix.gateway))] if prefix.gateway else []
    within = Prefix.objects.filter(vrf_id=prefix.vrf_id, network__gt=str(net), network__lte=str(only(net[-1])))
    taken += [(int(child[0]), int(child[-1])) for child in within.values_list("network", flat=True)[:2000]]
    pools = Pool.objects.filter(vrf_id=prefix.vrf_id, first__gte=str(net[0]), first__lte=str(net[-1]))
    taken += [(int(a), int(b)) for a, b in pools.values_list("first", "last")[:2000]]
    runs = list(gaps(int(first), int(last), taken)) or [(int(first), int(last))]
    begin, end = max(runs, key=lambda run: run[1] - run[0])
    return type(first)(begin), type(first)(end)
