"""An engineer plans addresses and gives one to Asha."""

from __future__ import annotations

import ipaddress

from django.urls import reverse

from fiberledger.ipam import services
from fiberledger.ipam.models import Holding, Pool, Prefix
from tests.radius import make_line


def page(client, name, *args, query=""):
    answer = client.get(reverse(f"ipam:{name}", args=args) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_block_is_added_shared_out_and_an_address_given_and_taken_back(isp):
    engineer = isp.client("engineer")
    line = make_line(isp).subscription
    wrong = engineer.post(reverse("ipam:prefix-new"), {"network": "203.0.113.7/24", "role": "public"})
    assert wrong.status_code == 422 and b"did you mean 203.0.113.0/24?" in wrong.content
    new = {
        "network": "203.0.113.0/24",
        "role": "public",
        "gateway": "203.0.113.1",
        "dns": "",
        "description": "LIR block",
    }
    assert engineer.post(reverse("ipam:prefix-new"), new).status_code == 302
    assert engineer.post(reverse("ipam:prefix-new"), new).status_code == 422
    with isp.scope():
        block = Prefix.objects.get()
    assert engineer.post(reverse("ipam:split", args=[block.pk]), {"length": 26}).status_code == 302
    assert "203.0.113.192/26" in page(engineer, "prefix-list")
    assert "100 %" in page(engineer, "prefix", block.pk)
    with isp.scope():
        part = Prefix.objects.get(network="203.0.113.64/26")
    assign = reverse("ipam:assign", args=[part.pk])
    assert engineer.post(assign, {"purpose": ""}).status_code == 422
    assert engineer.post(assign, {"subscriber": line.subscriber_id}).status_code == 302
    with isp.scope():
        held = Holding.objects.get()
        assert (held.address, held.subscription_id) == ("203.0.113.65", line.pk)
    taken = engineer.post(assign, {"purpose": "mail", "address": "203.0.113.65"})
    assert taken.status_code == 422 and b"Asha \xc2\xb7 Home 20 since" in taken.content
    assert "203.0.113.65" in page(engineer, "prefix", part.pk, query="?tab=addresses")
    assert "Asha" in page(engineer, "holding-list", query="?q=203.0.113.0/24")
    assert "203.0.113.65" in page(engineer, "holding-list", query="?q=Asha")
    release = reverse("ipam:release", args=[held.pk])
    assert engineer.post(release, {"why": ""}).status_code == 422
    assert engineer.post(release, {"why": "moved to CGNAT"}).status_code == 302
    assert engineer.post(release, {"why": "again"}).status_code == 422
    shown = page(engineer, "holding", held.pk)
    assert "moved to CGNAT" in shown and "Asha" in shown


def test_a_pool_is_proposed_where_there_is_room(isp):
    engineer = isp.client("engineer")
    with isp.scope():
        home = services.save_prefix(
            Prefix(network=ipaddress.ip_network("100.64.0.0/22"), gateway=ipaddress.ip_address("100.64.0.1")),
            by=isp.system(),
        )
    form = page(engineer, "pool-new", query=f"?prefix={home.pk}")
    assert "100.64.0.2" in form and "100.64.3.254" in form
    new = {"name": "pool-home", "kind": "dynamic", "prefix": home.pk, "first": "100.64.0.2", "last": "100.64.4.1"}
    wrong = engineer.post(reverse("ipam:pool-new"), new)
    assert wrong.status_code == 422 and b"100.64.4.1 is not in 100.64.0.0/22" in wrong.content
    assert engineer.post(reverse("ipam:pool-new"), new | {"last": "100.64.3.254"}).status_code == 302
    with isp.scope():
        pool = Pool.objects.get()
    assert "1,021" in page(engineer, "pool", pool.pk)
    assert engineer.post(reverse("ipam:remove-prefix", args=[home.pk])).status_code == 302
    assert "pool-home" in page(engineer, "prefix", home.pk)  # it stayed: the pool is in it
    engineer.post(reverse("ipam:remove-pool", args=[pool.pk]))
    engineer.post(reverse("ipam:remove-prefix", args=[home.pk]))
    with isp.scope():
        assert not Prefix.objects.exists()


def test_the_map_of_a_slash_8_and_of_a_slash_32_is_worked_out_from_what_exists(isp):
    engineer = isp.client("engineer")
    with isp.scope():
        for text in ("10.0.0.0/8", "10.7.0.0/16", "10.8.4.0/24", "2001:db8::/32", "2001:db8:aa00::/40"):
            services.save_prefix(Prefix(network=ipaddress.ip_network(text)), by=isp.system())
        services.assign(address="10.200.1.1", purpose="tower", by=isp.system())
        four, six = (Prefix.objects.get(network=text) for text in ("10.0.0.0/8", "2001:db8::/32"))
    shown = page(engineer, "prefix", four.pk)
    assert shown.count("<rect class=") >= 256 and "10.7.0.0/16" in shown and "10.200.0.0/16 · 1 held" in shown
    assert "10.8.0.0/16 · 0 % in prefixes" in shown
    shown = page(engineer, "prefix", six.pk)
    assert "2001:db8:aa00::/40" in shown and "2^96" in shown
