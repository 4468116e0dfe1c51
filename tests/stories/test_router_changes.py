"""A router changed beyond one line: shown before, confirmed when seen to work, and returning by itself when it cuts us off."""

from __future__ import annotations

import pytest
from django.urls import reverse

from fiberledger.access import services as access
from fiberledger.access.models import Nas
from fiberledger.provisioning import changes
from fiberledger.provisioning.models import Change, ConfigCopy
from fiberledger.routers.simulator import Simulator
from fiberledger.tenancy import Refusal
from tests.radius import fresh_address

PASSWORD = "api p4ssword"


@pytest.fixture
def tower():
    with Simulator(fresh_address(), password=PASSWORD) as simulated:
        yield simulated


@pytest.fixture
def nas(isp, tower):
    with isp.scope():
        nas = Nas(name="Tower", src_ip=tower.address, api_username=tower.username, api_port=tower.port)
        return access.save_nas(nas, secret="sharedsecret99", api_password=PASSWORD, by=isp.system())


def ask(isp, nas, kind, server="127.0.0.1"):
    with isp.scope():
        change = changes.ask(nas, kind, server=server, by=isp.system())
    isp.run()
    return again(isp, change)


def again(isp, change):
    with isp.scope():
        return Change.objects.select_related("nas").get(pk=change.pk)


def approve(isp, change):
    isp.client("owner").post(reverse("provisioning:approve-change", args=[change.pk]))
    isp.run()
    return again(isp, change)


def page(isp, change):
    return isp.client("owner").get(reverse("provisioning:change", args=[change.pk])).content.decode()


def test_a_change_is_shown_approved_applied_and_seen_to_work(isp, nas, tower):
    foreign = tower.put("/ip/firewall/filter", chain="forward", action="accept", comment="mine")
    change = ask(isp, nas, "wall")
    assert (
        change.state == "ready" and not tower.rows["/system/scheduler"] and len(tower.rows["/ip/firewall/filter"]) == 1
    )
    assert "wall: us" in page(isp, change) and "Approve and apply" in page(isp, change)
    change = approve(isp, change)
    assert change.state == "confirmed" and tower.rows["/system/scheduler"] == []
    rules = tower.rows["/ip/firewall/filter"]
    assert [row.get("action") for row in rules] == ["accept", "accept", "drop", "accept"] and rules[-1] == foreign
    tower.pass_time(60)
    assert len(tower.rows["/ip/firewall/filter"]) == 4
    with isp.scope():
        assert "mine" in changes.text_of(change.before) and "wall: us" not in changes.text_of(change.before)
    assert ask(isp, nas, "wall").shown == []  # it is so already


def test_a_change_that_cuts_us_off_returns_by_itself(isp, nas, tower, clock):
    change = ask(isp, nas, "api", server="10.255.0.1")  # from where we are not
    change = approve(isp, change)
    assert change.state == "returning" and change.ended_at is None
    assert "returns by itself" in page(isp, change)
    clock.forward(minutes=6)
    isp.run()
    assert again(isp, change).state == "returning"  # nobody there: asked again
    tower.pass_time(5)  # the router's own clock
    clock.forward(minutes=6)
    isp.run()
    assert again(isp, change).state == "returned" and "has returned" in page(isp, change)
    assert all(row.get("disabled") == "false" and not row["address"] for row in tower.rows["/ip/service"])
    assert tower.rows["/system/scheduler"] == []


def test_what_is_half_applied_is_not_confirmed(isp, nas, tower, clock):
    change = ask(isp, nas, "radius")
    tower.traps["/ppp/aaa"] = "not enough permissions (9)"
    change = approve(isp, change)
    assert change.state == "returning" and "permissions" in change.problem and tower.rows["/radius"]
    tower.traps.clear()
    tower.pass_time(5)
    clock.forward(minutes=6)
    isp.run()
    assert again(isp, change).state == "returned" and tower.rows["/radius"] == []


def test_without_a_way_back_nothing_is_changed(isp, nas, tower):
    change = ask(isp, nas, "radius")
    tower.traps["/system/scheduler"] = "not enough permissions (9)"
    change = approve(isp, change)
    assert change.state == "failed" and tower.rows["/radius"] == []


def test_a_secret_is_shown_nowhere(isp, nas, tower):
    change = ask(isp, nas, "radius")
    assert "sharedsecret99" not in repr(change.shown) and "sharedsecret99" not in page(isp, change)
    approve(isp, change)
    assert tower.rows["/radius"][0]["secret"] == "sharedsecret99"
    with isp.scope():
        assert all(b"/ip service" not in bytes(copy.text) for copy in ConfigCopy.objects.all())


def test_one_change_at_a_time_and_only_what_was_shown(isp, nas, tower):
    first, second = ask(isp, nas, "radius"), ask(isp, nas, "wall")
    with isp.scope():
        changes.approve(first, by=isp.system())
        with pytest.raises(Refusal, match="under way"):
            changes.approve(second, by=isp.system())
        with pytest.raises(Refusal):
            changes.approve(first, by=isp.system())
        with pytest.raises(Refusal, match="RADIUS_ADDRESS"):
            changes.ask(nas, "wall", server="ADDRESS-OF-THIS-SERVER", by=isp.system())


def test_copies_every_night_and_what_changed_between_them(isp, nas, tower, clock):
    tower.put("/ip/pool", name="home", ranges="10.9.0.0/24")
    from fiberledger.provisioning.tasks import copy_configs

    copy_configs(isp.tenant.pk)
    isp.run()
    clock.forward(days=1)
    copy_configs(isp.tenant.pk)
    isp.run()
    with isp.scope():
        (copy,) = ConfigCopy.objects.all()
        assert copy.seen_at > copy.taken_at  # the same: seen again, not kept again
    tower.rows["/ip/pool"][0]["ranges"] = "10.9.0.0/23"
    isp.client("owner").post(reverse("provisioning:copy-now", args=[nas.pk]))
    isp.run()
    with isp.scope():
        newest = ConfigCopy.objects.latest("pk")
        signs = [sign for sign, _line in changes.between(copy, newest)]
        assert (signs.count("-"), signs.count("+")) == (1, 1)
    owner = isp.client("owner")
    said = owner.get(reverse("provisioning:copy", args=[newest.pk])).content.decode()
    assert (
        "<del>- /ip pool add name=home ranges=10.9.0.0/24" in said
        and "<ins>+ /ip pool add name=home ranges=10.9.0.0/23" in said
    )
    whole = owner.get(reverse("provisioning:copy", args=[newest.pk]), {"whole": 1})
    assert "ranges=10.9.0.0/23" in whole.content.decode() and "attachment" in whole["Content-Disposition"]
    tab = owner.get(reverse("access:nas", args=[nas.pk]), {"tab": "configuration"}).content.decode()
    assert "Copies" in tab
