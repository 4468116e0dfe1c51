"""A line's fixed address is held in the plan of addresses: by one line at a time, and by nobody once the line is over."""

from __future__ import annotations

import ipaddress

import pytest
from django.urls import reverse

from fiberledger.access import services
from fiberledger.access.models import AccessAccount, Nas
from fiberledger.ipam import services as ipam
from fiberledger.ipam.models import Holding, Pool, Prefix
from fiberledger.subscriptions import services as subscriptions
from fiberledger.tenancy import Refusal
from tests.radius import make_line


def holders(address):
    return [
        (holding.subscription_id, holding.is_current)
        for holding in Holding.objects.filter(network=str(ipaddress.ip_network(address))).order_by("pk")
    ]


def test_the_address_of_an_account_is_held_changed_and_let_go_with_the_line(isp, router):
    asha = make_line(isp, static_ip="203.0.113.9", delegated6="2001:db8:9::/56", prefix6="2001:db8:9::/64")
    bilal = make_line(isp, name="Bilal", username="bilal", phone="03001230000")
    owner = isp.client("owner")
    with isp.scope():
        assert holders("203.0.113.9") == [(asha.subscription_id, True)]
        assert {one.address for one in Holding.objects.all()} == {"203.0.113.9", "2001:db8:9::/56"}
    change = reverse("access:account", args=[bilal.pk])
    form = {"kind": "pppoe", "username": "bilal", "static_ip": "203.0.113.9"}
    with isp.scope():
        ipam.reserve(address="203.0.113.10", purpose="mail server", by=isp.system())
    refused = owner.post(change, form | {"static_ip": "203.0.113.10"})
    assert refused.status_code == 422 and b"203.0.113.10 is reserved for mail server" in refused.content
    assert owner.post(change, form | {"delegated6": "2001:db8:9:0:8::/80"}).status_code == 422  # inside of Asha's
    with isp.scope():
        asha.static_ip = "203.0.113.77"
        services.save_account(asha, by=isp.system())
        assert holders("203.0.113.9") == [(asha.subscription_id, False)]
        asha.static_ip = "203.0.113.9"
        services.save_account(asha, by=isp.system())
        subscriptions.end([asha.subscription], by=isp.system())
    isp.run()
    with isp.scope():
        assert not Holding.objects.current().filter(subscription=asha.subscription_id).exists()
        assert AccessAccount.objects.get(pk=asha.pk).fixed == []
    assert owner.post(change, form).status_code == 302
    with isp.scope():
        assert holders("203.0.113.9")[-1] == (bilal.subscription_id, True)
        assert Holding.objects.filter(network="203.0.113.9/32", why_ended="The line ended").count() == 1


def test_an_address_given_in_the_plan_reaches_the_line_and_leaves_it(isp, router):
    account = make_line(isp, password="let me in")
    with isp.scope():
        block = ipam.save_prefix(
            Prefix(network=ipaddress.ip_network("198.51.100.0/28"), role="public"), by=isp.system()
        )
        given = ipam.assign(prefix=block, subscription=account.subscription, by=isp.system())
    isp.run()
    assert router.login("asha", "let me in").attributes["Framed-IP-Address"] == "198.51.100.1"
    with isp.scope():
        again = AccessAccount.objects.get(pk=account.pk)
        services.save_account(again, by=isp.system())  # what the account has is held already, as it was given
        assert holders("198.51.100.1") == [(account.subscription_id, True)]
        ipam.release(given, why="add-on ended", by=isp.system())
    isp.run()
    assert "Framed-IP-Address" not in router.login("asha", "let me in").attributes


def test_many_accounts_take_their_addresses_in_one_go_and_an_undone_import_leaves_nothing(isp):
    lines = [make_line(isp, name=f"P{n}", username=f"p{n}", phone=f"030012300{n:02}").subscription for n in range(3)]
    with isp.scope():
        services.close_accounts([line.pk for line in lines])
        rows = [
            {"subscription_id": line.pk, "username": f"p{n}", "static_ip": f"10.9.0.{n + 1}"}
            for n, line in enumerate(lines)
        ]
        ipam.reserve(address="10.9.0.3", purpose="OLT", by=isp.system())
        assert services.addresses_taken(["10.9.0.2", "10.9.0.3"]) == {"10.9.0.3"}
        with pytest.raises(Refusal, match=r"10.9.0.3 is reserved for OLT"):
            services.open_accounts(rows, by=isp.system())
        services.open_accounts(rows[:2], by=isp.system())
        assert Holding.objects.current().filter(origin="account").count() == 2
        services.close_accounts([line.pk for line in lines])
        assert not Holding.objects.filter(origin="account").exists()


def test_a_router_shows_its_pools_and_how_full_they_are(isp, router):
    make_line(isp)
    router.tell("Start", "asha", Framed_IP_Address="100.64.0.7")
    with isp.scope():
        home = ipam.save_prefix(Prefix(network=ipaddress.ip_network("100.64.0.0/24")), by=isp.system())
        ends = {"first": ipaddress.ip_address("100.64.0.2"), "last": ipaddress.ip_address("100.64.0.5")}
        away = ipam.save_pool(Pool(name="spare-pool", prefix=home, **ends), by=isp.system())
        ends = {"first": ipaddress.ip_address("100.64.0.6"), "last": ipaddress.ip_address("100.64.0.9")}
        pool = ipam.save_pool(Pool(name="pool-home", prefix=home, **ends), by=isp.system())
        nas = Nas.objects.get()
    owner = isp.client("owner")
    choose = reverse("access:router-pools", args=[nas.pk])
    assert b"pool-home" in owner.get(choose).content
    assert owner.post(choose, {"pools": [pool.pk, away.pk]}).status_code == 302
    assert owner.post(choose, {"pools": [pool.pk]}).status_code == 302
    shown = owner.get(reverse("access:nas", args=[nas.pk]) + "?tab=pools").content.decode()
    assert "pool-home" in shown and "spare-pool" not in shown and "25 %" in shown
    assert router.nas.name in owner.get(reverse("ipam:pool", args=[pool.pk])).content.decode()
