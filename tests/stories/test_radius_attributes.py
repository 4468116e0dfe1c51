"""Each kind of router is answered in its own words, and in the tenant's: real FreeRADIUS, real packets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from django.urls import reverse

from fiberledger.access import services, vendors
from fiberledger.access.models import Nas, RadiusAttribute, RadiusLine
from fiberledger.routers import coa, dictionary
from fiberledger.subscriptions import services as subscriptions
from fiberledger.tenancy import Refusal
from tests.radius import CommandedRouter, Router, make_line

SPEED = {
    "mikrotik": {"Mikrotik-Rate-Limit": "10M/20M 20M/40M 7500k/15M 16/16", "WISPr-Bandwidth-Max-Up": "10000000"},
    "accel": {"Filter-Id": "20000/10000"},
    "cisco": {"Cisco-Account-Info": "QU;10000000;1875000;3750000;D;20000000;3750000;7500000"},
    "huawei": {
        "Huawei-Input-Average-Rate": "10000000", "Huawei-Output-Average-Rate": "20000000",
        "Huawei-Input-Peak-Rate": "20000000", "Huawei-Output-Peak-Rate": "40000000",
    },
    "juniper": {"ERX-CoS-Shaping-Pmt-Type": "T02 20000k"},
    "ubiquiti": {"WISPr-Bandwidth-Max-Up": "10000000", "WISPr-Bandwidth-Max-Down": "20000000"},
    "chilli": {"ChilliSpot-Bandwidth-Max-Up": "10000", "ChilliSpot-Bandwidth-Max-Down": "20000"},
    "other": {"WISPr-Bandwidth-Max-Down": "20000000"},
}  # fmt: skip
WALL = {
    "mikrotik": {"Mikrotik-Address-List": "expired", "Mikrotik-Rate-Limit": "256k/512k"},
    "accel": {"Filter-Id": "512/256"},
    "cisco": {"Cisco-Account-Info": "QU;256000;48000;96000;D;512000;96000;192000"},
    "huawei": {"Filter-Id": "expired", "Huawei-Input-Average-Rate": "256000"},
    "juniper": {"ERX-Service-Activate:1": "expired", "ERX-CoS-Shaping-Pmt-Type": "T02 512k"},
    "ubiquiti": {"Filter-Id": "expired", "WISPr-Bandwidth-Max-Up": "256000"},
    "chilli": {"WISPr-Bandwidth-Max-Up": "256000"},
    "other": {"WISPr-Bandwidth-Max-Up": "256000"},
}  # fmt: skip
SIGNS = ("Mikrotik-", "Cisco-", "Huawei-", "ERX-", "ChilliSpot-")  # an attribute that only one kind understands


def test_each_kind_of_router_is_answered_in_its_own_words(isp, freeradius):
    account = make_line(isp)
    routers = {kind: Router.of(freeradius, isp, kind=kind, walled_rate="256k/512k") for kind in Nas.Kind.values}
    isp.run()
    for kind, router in routers.items():
        answer = router.login("asha", "let me in")
        assert answer.kind == "accept", answer.said
        assert SPEED[kind].items() <= answer.attributes.items(), (kind, answer.attributes)
        own = [name for name in answer.attributes if name.startswith(SIGNS)]
        assert all(name in dict(vendors.TEMPLATES[kind]) for name in own), (kind, own)
        assert (
            answer.attributes["Framed-Pool"] == "home"
            and "Cleartext-Password" not in answer.said.partition("Received")[2]
        )
    with isp.scope():
        subscriptions.suspend([account.subscription], reason="unpaid", by=isp.system())
    isp.run()
    for kind, router in routers.items():
        answer = router.login("asha", "let me in")
        assert answer.kind == "accept", answer.said
        assert WALL[kind].items() <= answer.attributes.items(), (kind, answer.attributes)
        assert "Framed-Pool" not in answer.attributes


def test_a_new_kind_of_router_moves_nobodys_terms(isp, router, freeradius):
    """Else every session would be dropped on the day the first Cisco comes."""
    make_line(isp)
    with isp.scope():
        before = RadiusLine.objects.get().terms
    cisco = Router.of(freeradius, isp, kind="cisco")
    isp.run()
    with isp.scope():
        assert RadiusLine.objects.get().terms == before
    assert "Cisco-Account-Info" in cisco.login("asha", "let me in").attributes


def test_a_new_speed_is_told_a_running_session_in_the_routers_words(isp, freeradius):
    account = make_line(isp)
    huawei = Router.of(freeradius, isp, kind="huawei")
    isp.run()
    answer = huawei.login("asha", "let me in")
    huawei.tell("Start", "asha", Class=answer.attributes["Class"], Framed_IP_Address="10.0.0.7")
    with CommandedRouter(huawei.address, huawei.secret) as hears:
        with isp.scope():
            huawei.nas.coa_port = hears.port
            services.save_nas(huawei.nas, by=isp.system())
            plan = account.subscription.plan
            plan.download_kbps = 50000
            plan.save()
            services.apply_now([account.subscription_id], by=isp.system())
        isp.run()
    [(code, signed, _attributes)] = hears.got
    assert (code, signed) == (coa.CHANGE, True)
    told = dictionary.look_up("Huawei-Output-Average-Rate")[0].encode("50000000")
    assert told in hears.packets[0] and b"Mikrotik" not in hears.packets[0]


def test_the_tenant_adds_attributes_of_its_own(isp, freeradius):
    account = make_line(isp)
    cisco, mikrotik = (Router.of(freeradius, isp, kind=kind) for kind in ("cisco", "mikrotik"))
    plan = account.subscription.plan
    with isp.scope():
        for name, value, more in (
            ("cisco-avpair", "ip:vrf-id={username}", {"kind": "cisco"}),
            ("Cisco-AVPair", "ip:addr-pool={pool}", {"kind": "cisco"}),
            ("ERX-Service-Activate:7", "tv", {}),
            ("Mikrotik-Rate-Limit", "{up_kbps}k/{down_kbps}k", {"kind": "mikrotik", "plan": plan}),
            ("Framed-MTU", "1492", {}),
        ):
            services.save_attribute(RadiusAttribute(name=name, value=value, **more), by=isp.system())
    isp.run()
    said = cisco.login("asha", "let me in").said
    assert 'Cisco-AVPair = "ip:vrf-id=asha"' in said and 'Cisco-AVPair = "ip:addr-pool=home"' in said
    assert 'ERX-Service-Activate:7 = "tv"' in said and "Framed-MTU = 1492" in said
    granted = mikrotik.login("asha", "let me in").attributes
    assert granted["Mikrotik-Rate-Limit"] == "10000k/20000k" and "Cisco-AVPair" not in granted
    with isp.scope():
        services.remove_attribute(RadiusAttribute.objects.get(name="Mikrotik-Rate-Limit"), by=isp.system())
    isp.run()
    assert mikrotik.login("asha", "let me in").attributes["Mikrotik-Rate-Limit"].startswith("10M/20M ")


BAD = [
    ("Mikrotik-RateLimit", "1M/1M", "Did you mean Mikrotik-Rate-Limit"),
    ("Nothing-Of-The-Kind", "1", "no attribute of this name"),
    ("User-Password", "x", "RADIUS itself"),
    ("Class", "x", "our own mark"),
    ("Session-Timeout", "60", "line's end"),
    ("Framed-MTU:1", "1492", "number after a colon"),
    ("Framed-MTU", "wide", "whole number"),
    ("Framed-MTU", "{nonsense}", "no word {nonsense}"),
    ("Tunnel-Type", "Pigeon", "one of: PPTP"),
    ("Mikrotik-Host-IP", "10.0.0", "IPv4 address"),
    ("Cisco-AVPair", "`%{sql:DROP TABLE radius_line}`", "without back-quotes"),
    ("Cisco-AVPair", "x" * 300, ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "remedy"), BAD)
def test_a_malformed_attribute_is_refused_at_its_field(isp, name, value, remedy):
    owner = isp.client("owner")
    answer = owner.post(
        reverse("access:radiusattribute-new"), {"name": name, "value": value, "kind": "", "active": "on"}
    )
    assert answer.status_code == 422
    assert remedy in answer.content.decode().replace("&#x27;", "'")
    with isp.scope(), pytest.raises(Refusal):
        services.save_attribute(RadiusAttribute(name=name, value=value[:240] + "`"), by=isp.system())


def test_the_preview_says_what_each_kind_is_told(isp, router):
    make_line(isp)
    owner = isp.client("owner")
    page = owner.get(reverse("access:preview") + "?username=ASHA").content.decode()
    assert "T02 20000k" in page and "Huawei-Input-Average-Rate" in page and "10M/20M 20M/40M" in page
    assert "Nobody has this username" in owner.get(reverse("access:preview") + "?username=nobody").content.decode()
    assert "{down_kbps}/{up_kbps}" in owner.get(reverse("access:preview")).content.decode()


def test_freeradius_knows_every_attribute_that_we_do():
    """A login is answered with silence when one of its attributes cannot be written down."""
    samples = {
        "string": '"x"', "octets": "0x01", "ipaddr": "10.0.0.1", "ipv6addr": "2001:db8::1", "ipv6prefix": "2001:db8::/56",
    }  # fmt: skip
    lines = Path(dictionary.__file__).with_name("attributes.txt").read_text().splitlines()
    names = [(line.split("\t")[2], line.split("\t")[4]) for line in lines]
    packets = "\n\n".join(
        "\n".join(f"{name} = {samples.get(kind, '1')}" for name, kind in names[start : start + 25])
        for start in range(0, len(names), 25)
    )
    done = subprocess.run(
        ["radclient", "-n", "100000", "-t", "0.01", "-r", "1", "127.0.0.1:9", "auth", "secret"],
        input=packets.encode(), capture_output=True, timeout=60,
    )  # fmt: skip
    said = (done.stdout + done.stderr).decode()
    assert len(names) > 1000 and "Error parsing" not in said and "Unknown" not in said, said[:600]
    for name, kind in names:
        attribute = dictionary.look_up(name)[0]
        assert len(attribute.encode(samples.get(kind, "1").strip('"'))) > 2
