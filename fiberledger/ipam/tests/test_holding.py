"""Who holds an address: given once, taken back, known for ever. What contradicts is refused by PostgreSQL."""

from __future__ import annotations

import ipaddress
import threading

import pytest
from django.db import IntegrityError, connection, transaction

from fiberledger.ipam import services
from fiberledger.ipam.models import FullBlock, Holding, Pool, Prefix
from fiberledger.tenancy import Refusal


def add(isp, network, **more):
    return services.save_prefix(Prefix(network=ipaddress.ip_network(network), **more), by=isp.system())


def pool_of(isp, prefix, first, last, **more):
    ends = {"first": ipaddress.ip_address(first), "last": ipaddress.ip_address(last)}
    return services.save_pool(Pool(**{"name": "home", "prefix": prefix, **ends, **more}), by=isp.system())


def take(isp, prefix, count=1, **more):
    return [services.assign(prefix=prefix, purpose="test", by=isp.system(), **more).address for _n in range(count)]


def test_the_next_free_address_leaves_out_what_is_not_to_be_given(isp):
    with isp.scope():
        office = add(isp, "10.1.0.0/28", gateway=ipaddress.ip_address("10.1.0.1"))
        add(isp, "10.1.0.8/30")
        pool_of(isp, office, "10.1.0.3", "10.1.0.5")
        services.reserve(prefix=office, address="10.1.0.6", purpose="OLT", by=isp.system())
        assert take(isp, office, 5) == ["10.1.0.2", "10.1.0.7", "10.1.0.12", "10.1.0.13", "10.1.0.14"]
        with pytest.raises(Refusal, match=r"No address is free in 10.1.0.0/28"):
            take(isp, office)
        services.release(Holding.objects.get(network="10.1.0.7/32"), why="moved", by=isp.system())
        assert take(isp, office) == ["10.1.0.7"]
        assert Holding.objects.filter(network="10.1.0.7/32").count() == 2


def test_a_pool_and_ipv6_are_given_from_too(isp):
    with isp.scope():
        public = add(isp, "203.0.113.0/24")
        pool = pool_of(isp, public, "203.0.113.10", "203.0.113.11", kind="fixed")
        assert [services.assign(pool=pool, purpose="x", by=isp.system()).address for _n in range(2)] == [
            "203.0.113.10", "203.0.113.11",
        ]  # fmt: skip
        with pytest.raises(Refusal, match="No address is free in home"):
            services.assign(pool=pool, purpose="x", by=isp.system())
        six = add(isp, "2001:db8:7::/64")
        assert take(isp, six, 2) == ["2001:db8:7::", "2001:db8:7::1"]


def test_full_blocks_are_stepped_over_and_open_again_with_a_release(isp):
    """A dense /8 is not walked: full blocks are known, until somebody lets go of one of theirs."""
    with isp.scope():
        wide = add(isp, "10.0.0.0/8")
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO ipam_holding (tenant_id, vrf_id, network, state, purpose, origin, began_at, began_by, ended_by, why_ended)
                   SELECT %s, %s, ('10.0.0.0'::inet + n)::cidr, 'assigned', 'x', 'hand', now(), '', '', ''
                     FROM generate_series(0, 1535) n""",
                [isp.tenant.pk, wide.vrf_id],
            )
        assert take(isp, wide) == ["10.0.6.0"]
        assert FullBlock.objects.count() == 5  # the first is no whole block: 10.0.0.0 is nobody's to have
        assert take(isp, wide) == ["10.0.6.1"]
        services.release(Holding.objects.get(network="10.0.3.77/32"), why="gone", by=isp.system())
        assert FullBlock.objects.count() == 4
        assert take(isp, wide, 2) == ["10.0.3.77", "10.0.6.2"]


def test_sixteen_at_once_never_get_the_same_address(isp):
    with isp.scope():
        prefix = add(isp, "10.2.0.0/24")
    got, wrong = [], []

    def writer():
        try:
            for _n in range(8):
                with isp.scope():
                    got.extend(take(isp, prefix))
        except Exception as error:
            wrong.append(error)
        finally:
            connection.close()

    writers = [threading.Thread(target=writer) for _n in range(16)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert not wrong and len(got) == len(set(got)) == 128
    # Whoever waited for nobody leaves no gap behind for long: the next ones fill what is left below.
    with isp.scope():
        assert take(isp, prefix, 254 - 128) and Holding.objects.current().count() == 254


def test_overlaps_are_refused_by_the_database_and_named_by_us(isp, zed):
    with isp.scope():
        block = add(isp, "198.51.100.0/24", role="public")
        routed = add(isp, "198.51.100.8/29", role="public")
        services.assign(address="198.51.100.8/29", purpose="Biz routed block", by=isp.system())
        with pytest.raises(Refusal, match=r"198.51.100.8/29 is held by Biz routed block since"):
            services.assign(address="198.51.100.9", purpose="x", by=isp.system())
        with pytest.raises(Refusal, match="is held by Biz"):
            services.remove_prefix(routed, by=isp.system())
        with pytest.raises(Refusal, match=r"198.51.100.0/24 is in this VRF already"):
            add(isp, "198.51.100.0/24")
        pool_of(isp, block, "198.51.100.16", "198.51.100.31")
        with pytest.raises(Refusal, match=r"The pool home \(198.51.100.16 – 198.51.100.31\) has some"):
            pool_of(isp, block, "198.51.100.30", "198.51.100.40", name="other")
        with pytest.raises(Refusal, match=r"198.51.100.8/29 lies in this range"):
            pool_of(isp, block, "198.51.100.2", "198.51.100.10", name="other")
        with pytest.raises(Refusal, match=r"stands across 198.51.100.24/29"):
            add(isp, "198.51.100.24/29")
        with pytest.raises(Refusal, match="broadcast"):
            services.assign(address="198.51.100.255", purpose="x", by=isp.system())
        held = Holding.objects.current().get()
        for wrong in (
            Holding(network=ipaddress.ip_network("198.51.100.10"), vrf=block.vrf, purpose="x", began_by="x"),
            Pool(name="p", prefix=block, vrf=block.vrf, first=ipaddress.ip_address("198.51.100.20"),
                 last=ipaddress.ip_address("198.51.100.20")),
            Prefix(network=block.network, vrf=block.vrf),
        ):  # fmt: skip
            with pytest.raises(IntegrityError), transaction.atomic():
                wrong.save()
        services.release(held, why="returned", by=isp.system())
        assert services.assign(address="198.51.100.9", purpose="x", by=isp.system()).address == "198.51.100.9"
    with zed.scope():  # another provider's numbers are another provider's
        add(zed, "198.51.100.0/24")
        services.assign(address="198.51.100.9", purpose="x", by=zed.system())


def test_what_lies_inside_is_worked_out_from_the_networks(isp):
    with isp.scope():
        top = add(isp, "10.0.0.0/8")
        services.split(Prefix.objects.get(pk=top.pk), 10, by=isp.system())
        quarter = Prefix.objects.get(network="10.64.0.0/10")
        pool = pool_of(isp, quarter, "10.64.0.10", "10.64.0.200")
        inner = add(isp, "10.64.0.0/24")
        assert Pool.objects.get(pk=pool.pk).prefix == inner  # the pool moved to where it now lies
        seen = {str(one): (one.depth, one.shared, one.pooled) for one in Prefix.objects.listed()}
        assert seen["10.0.0.0/8"] == (0, 1.0, 191)
        assert seen["10.64.0.0/10"] == (1, 2**8 / 2**22, 191)
        assert seen["10.64.0.0/24"] == (2, 0.0, 191)
        assert [str(one) for one in Prefix.objects.holding(ipaddress.ip_address("10.64.0.9"))] == [
            "10.0.0.0/8", "10.64.0.0/10", "10.64.0.0/24",
        ]  # fmt: skip
