"""Lines that live on a router: put there, kept right whatever an engineer does by hand, and caught up after an hour away."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.urls import reverse

from fiberledger import calendar
from fiberledger.access import services as access
from fiberledger.access.models import Nas
from fiberledger.provisioning import rounds, services
from fiberledger.provisioning.models import Difference, LineOnRouter, OnRouter, RouterStep
from fiberledger.routers.simulator import RestPort, Simulator
from fiberledger.screens.registry import registry
from fiberledger.subscriptions import services as subscriptions
from tests.radius import fresh_address, make_line

PASSWORD = "api p4ssword = ü"


def add_router(isp, simulated, **settings):
    with isp.scope():
        nas = Nas(
            name=f"Tower {simulated.port}", src_ip=simulated.address, api_username=simulated.username, api_port=simulated.port,
            walled_rate="256k/256k", walled_pool="walled", **settings,
        )  # fmt: skip
        return access.save_nas(nas, api_password=PASSWORD, by=isp.system())


def keep(isp, nas, **settings):
    with isp.scope():
        kept = OnRouter.objects.filter(pk=nas.pk).first() or OnRouter(nas=nas)
        for name, value in {"mode": "everything", "unbound_too": True, **settings}.items():
            setattr(kept, name, value)
        services.keep(kept, by=isp.system())
    isp.run()


@pytest.fixture
def tower():
    with Simulator(fresh_address(), password=PASSWORD, version="6.49") as simulated:
        yield simulated


@pytest.fixture
def nas(isp, tower):
    return add_router(isp, tower)


def secrets_on(tower):
    return {row["name"]: row for row in tower.rows["/ppp/secret"]}


def kept(isp, nas):
    with isp.scope():
        return OnRouter.objects.get(pk=nas.pk)


def look(isp, nas):
    assert rounds.reconcile(isp.tenant.pk, nas.pk)
    return kept(isp, nas)


def test_pay_and_be_served_stop_paying_and_be_cut_on_the_router_itself(isp, tower, nas):
    account = make_line(isp)
    by_hand = tower.put("/ppp/secret", name="zed", password="his", comment="office")
    keep(isp, nas)
    asha = secrets_on(tower)["asha"]
    assert asha["password"] == "let me in" and asha["comment"] == f"fl:{account.pk}"
    (profile,) = tower.rows["/ppp/profile"]
    assert profile["name"] == asha["profile"] and profile["rate-limit"] == "10M/20M 20M/40M 7500k/15M 16/16"
    tower.put("/ppp/active", name="asha", address="10.9.0.1")
    with isp.scope():
        subscriptions.suspend([account.subscription], reason="unpaid", by=isp.system())
    isp.run()
    (wall,) = tower.rows["/ppp/profile"]
    assert wall["address-list"] == "expired" and wall["rate-limit"] == "256k/256k"
    assert secrets_on(tower)["asha"]["profile"] == wall["name"] and tower.rows["/ppp/active"] == []  # comes back walled
    with isp.scope():
        subscriptions.resume([account.subscription], reason="paid", by=isp.system())
    isp.run()
    assert secrets_on(tower)["asha"]["profile"] == profile["name"]
    assert [row["name"] for row in tower.rows["/ppp/profile"]] == [profile["name"]]
    assert by_hand in tower.rows["/ppp/secret"] and by_hand["password"] == "his"
    with isp.scope():
        assert LineOnRouter.objects.get().is_confirmed and not Difference.objects.exists()
        assert "let me in" not in repr(list(RouterStep.objects.values()))


def test_an_engineer_breaks_something_by_hand_and_it_is_seen_and_healed(isp, tower, nas):
    make_line(isp)
    shop = make_line(isp, "Shop", "shop", phone="03001234568", kind="static", static_ip="10.9.1.1")
    with isp.scope():
        subscriptions.suspend([shop.subscription], reason="unpaid", by=isp.system())
    keep(isp, nas)
    assert [row["address"] for row in tower.rows["/ip/firewall/address-list"]] == ["10.9.1.1"]
    secrets_on(tower)["asha"] |= {"disabled": "true", "password": "changed by hand"}
    tower.rows["/queue/simple"][0]["max-limit"] = "100M/100M"
    tower.rows["/ip/firewall/address-list"].clear()  # lets the shop out
    tower.put("/queue/simple", name="left over", target="10.9.1.9", comment="fl:999999")
    after = look(isp, nas)
    assert secrets_on(tower)["asha"]["password"] == "let me in" and secrets_on(tower)["asha"]["disabled"] == "false"
    assert [(row["name"], row["max-limit"]) for row in tower.rows["/queue/simple"]] == [("shop", "256k/256k")]
    assert [row["address"] for row in tower.rows["/ip/firewall/address-list"]] == ["10.9.1.1"]
    assert (after.lines, after.right) == (2, 2)
    with isp.scope():
        done = list(RouterStep.objects.order_by("-pk").values_list("verb", "kind", "state")[:4])
    assert sorted(done) == [
        ("add", "list", "confirmed"), ("change", "queue", "confirmed"), ("change", "secret", "confirmed"), ("remove", "queue", "confirmed"),
    ]  # fmt: skip
    page = isp.client("owner").get(reverse("access:nas", args=[nas.pk]), {"tab": "lines"}).content.decode()
    assert "2 of 2 lines" in page and "100M/100M → 256k/256k" in page and "changed by hand" not in page


def test_a_router_that_was_off_for_an_hour_is_caught_up(isp, nas, tower, clock):
    account = make_line(isp)
    keep(isp, nas)
    tower.stop()
    with isp.scope():
        subscriptions.suspend([account.subscription], reason="unpaid", by=isp.system())
    waits = []
    for _ in range(60):
        clock.forward(minutes=1)
        before = kept(isp, nas).failures
        rounds.run_round([isp.tenant.pk])
        after = kept(isp, nas)
        if after.failures != before:
            waits.append(after.next_at - calendar.now())
    assert waits[:3] == [timedelta(minutes=m) for m in (1, 2, 4)] and max(waits) == timedelta(minutes=15)
    assert len(waits) < 10 and "no connection" in after.problem

    class Request:
        actor = isp.system()

    work = next(work for work in registry.worklists if work.code == "on-routers")
    with isp.scope():
        assert any("cannot be kept right" in str(item.title) for item in work.items(Request))
    with Simulator(tower.address, tower.port, password=PASSWORD) as back:
        back.rows, back._next = tower.rows, tower._next
        clock.forward(minutes=15)
        assert rounds.run_round([isp.tenant.pk]) == 1
        assert back.rows["/ppp/profile"][0]["address-list"] == "expired"
    assert kept(isp, nas).problem == "" and kept(isp, nas).silent_since is None
    with isp.scope():
        assert LineOnRouter.objects.get().is_confirmed


def test_what_lies_or_half_applies_is_never_called_done(isp, nas, tower):
    make_line(isp)
    tower.lies = True
    keep(isp, nas)
    with isp.scope():
        assert set(Difference.objects.values_list("state", flat=True)) == {"sent"}
        assert not LineOnRouter.objects.get().is_confirmed
        assert set(RouterStep.objects.values_list("state", flat=True)) == {"sent"}
    page = isp.client("owner").get(reverse("provisioning:difference-list")).content.decode()
    assert "asha" in page and "Sent, not seen to work" in page
    tower.lies = False
    look(isp, nas)
    with isp.scope():
        assert not Difference.objects.exists() and LineOnRouter.objects.get().is_confirmed


def test_a_refusal_is_shown_and_accepted_for_a_while_with_a_reason(isp, nas, tower, clock):
    make_line(isp)
    keep(isp, nas)
    secrets_on(tower)["asha"]["disabled"] = "true"
    tower.traps["/ppp/secret"] = "not enough permissions (9)"
    assert "permissions" in look(isp, nas).problem  # not even read
    tower.traps.clear()
    with isp.scope():
        Difference.objects.create(
            nas=nas, name="asha", kind="secret", tag=secrets_on(tower)["asha"]["comment"], what="other", wants="disabled=–",
            since=calendar.now(),
        )  # fmt: skip
        found = Difference.objects.get()
    owner, url = isp.client("owner"), reverse("provisioning:accept", args=[found.pk])
    assert owner.post(url, {"hours": 8, "why": ""}).status_code == 422
    assert owner.post(url, {"hours": 8, "why": "being moved to another tower"}).status_code == 302
    look(isp, nas)
    assert secrets_on(tower)["asha"]["disabled"] == "true"
    with isp.scope():
        assert Difference.objects.get().accepted_why == "being moved to another tower"
    clock.forward(hours=9)
    look(isp, nas)
    assert secrets_on(tower)["asha"]["disabled"] == "false"


def test_somebody_elses_entry_of_the_name_waits_for_a_person(isp, nas, tower):
    account = make_line(isp)
    tower.put("/ppp/secret", name="asha", password="old", profile="default", comment="by hand")
    keep(isp, nas)
    assert secrets_on(tower)["asha"]["password"] == "old"
    with isp.scope():
        found = Difference.objects.get()
        assert (found.what, found.state) == ("taken", "blocked")
    isp.client("owner").post(reverse("provisioning:take-over", args=[found.pk]))
    isp.run()
    asha = secrets_on(tower)["asha"]
    assert asha["password"] == "let me in" and asha["comment"] == f"fl:{account.pk}" and len(secrets_on(tower)) == 1
    with isp.scope():
        assert not Difference.objects.exists()


def test_an_address_that_changes_hands_does_not_inherit_the_block(isp, nas, tower):
    first = make_line(isp, "Shop", "shop", kind="static", static_ip="10.9.1.1")
    with isp.scope():
        subscriptions.suspend([first.subscription], reason="unpaid", by=isp.system())
    keep(isp, nas, mode="fixed")
    assert len(tower.rows["/ip/firewall/address-list"]) == 1
    with isp.scope():
        first.static_ip = "10.9.1.2"
        access.save_account(first, by=isp.system())
    make_line(isp, "Other", "other", phone="03001234569", kind="static", static_ip="10.9.1.1")
    look(isp, nas)
    assert [row["address"] for row in tower.rows["/ip/firewall/address-list"]] == ["10.9.1.2"]
    assert {row["target"] for row in tower.rows["/queue/simple"]} == {"10.9.1.1", "10.9.1.2"}


def test_whoever_is_not_kept_any_more_leaves_nothing_behind(isp, nas, tower):
    make_line(isp)
    keep(isp, nas)
    assert tower.rows["/ppp/secret"] and tower.rows["/ppp/profile"]
    keep(isp, nas, mode="nothing")
    assert not tower.rows["/ppp/secret"] and not tower.rows["/ppp/profile"]


def test_the_same_over_rest(isp, tower):
    tower.version = "7.20"
    with RestPort(tower) as rest:
        nas = add_router(isp, tower)
        make_line(isp)
        keep(isp, nas, driver="mikrotik-rest", port=rest.port)
        assert secrets_on(tower)["asha"]["password"] == "let me in"


def test_dead_routers_hold_up_nobody_and_a_router_is_worked_on_by_one(isp, zed):
    """Four that swallow everything, among eight that live."""
    living = [Simulator(fresh_address(), password=PASSWORD).__enter__() for _ in range(8)]
    dead = [Simulator(fresh_address(), password=PASSWORD).__enter__() for _ in range(4)]
    for one in dead:
        one.silent = True
    routers = [add_router(isp, one) for one in living + dead[:2]] + [add_router(zed, one) for one in dead[2:]]
    for n, nas in enumerate(routers):
        tenant = isp if n < 10 else zed
        with tenant.scope():
            OnRouter.objects.create(nas=nas, mode="everything")
    with isp.scope():
        (held,) = services.claim([routers[0].pk])
        assert services.claim([routers[0].pk]) == []
        OnRouter.objects.filter(pk=held.pk).update(busy_until=None)
    began = time.monotonic()
    assert rounds.run_round([isp.tenant.pk, zed.tenant.pk]) == 12
    assert time.monotonic() - began < 14  # one time-out, not four
    with isp.scope():
        assert OnRouter.objects.filter(problem="").count() == 8
    for one in living + dead:
        one.stop()


def test_what_is_kept_is_said_on_a_page_and_needs_a_way_to_the_router(isp, nas, tower):
    owner, url = isp.client("owner"), reverse("provisioning:keep", args=[nas.pk])
    assert "Only entries that carry our mark" in owner.get(url).content.decode()
    given = {"mode": "fixed", "most_queues": 1000, "driver": "mikrotik"}
    assert owner.post(url, given).status_code == 302
    isp.run()
    assert kept(isp, nas).good_at is not None
    with isp.scope():
        nas.api_username = ""
        access.save_nas(nas, by=isp.system())
    answer = owner.post(url, given)
    assert answer.status_code == 422 and "API username" in answer.content.decode()


def test_the_subscriber_sees_where_their_line_stands(isp, nas, tower):
    account = make_line(isp)
    keep(isp, nas)
    url = reverse("subscribers:subscriber", args=[account.subscription.subscriber_id])
    page = isp.client("owner").get(url).content.decode()
    assert "On the router" in page and "Confirmed" in page


def test_what_is_on_a_router_is_brought_over_and_then_taken_over(isp, nas, tower):
    """The provider's own router of ten years: its logins become subscribers by the import, and its entries ours in their place."""
    from fiberledger.access.models import AccessAccount
    from fiberledger.imports import services as imports
    from fiberledger.imports.models import ImportRun
    from fiberledger.jobs.models import Run

    area = isp.area()
    make_line(isp, "Basit", "basit", phone="03001234599")
    tower.put("/ppp/profile", name="gold", rate_limit="10M/20M")
    tower.put(
        "/ppp/secret",
        name="ali",
        password="p1",
        profile="gold",
        comment="Ali Raza 0300-7654321",
        remote_address="10.9.0.7",
    )
    tower.put("/ppp/secret", name="sara", password="p2", profile="gold", comment="no number", disabled="true")
    tower.put("/ppp/secret", name="basit", password="p3", profile="gold")
    owner, url = isp.client("owner"), reverse("provisioning:bring-over", args=[nas.pk])
    assert "Nothing is stored before" in owner.get(url).content.decode()
    assert owner.post(url, {"area": area.pk}).status_code == 302
    isp.run()
    with isp.scope():
        assert Run.objects.get(kind="router-import").result == {"rows": 2, "here": 1}
        run = ImportRun.objects.get()
        assert {run.map[code] for code in ("name", "phone", "area", "plan", "username", "password", "static_ip")} == {
            "Full Name", "Mobile", "Area", "Package", "Username", "Password", "Static IP",
        }  # fmt: skip
        assert "p1" not in repr(run.samples)
        run = imports.set_map(run, run.map, by=isp.system())
    imports.take(isp.tenant.pk, run.pk, by=isp.system())
    with isp.scope():
        run.refresh_from_db()
        assert (run.taken, run.faulty) == (1, 1)  # who has no telephone number is the clerk's to ask
        ali = AccessAccount.objects.get(username="ali")
        assert (ali.plain_password(), ali.static_ip) == ("p1", "10.9.0.7")
        assert ali.subscription.subscriber.name == "Ali Raza" and ali.subscription.plan.name == "Home 20"
    keep(isp, nas)
    with isp.scope():
        assert set(Difference.objects.filter(what="taken").values_list("name", flat=True)) == {"ali", "basit"}
        pks = list(Difference.objects.values_list("pk", flat=True))
    owner.post(f"{reverse('provisioning:difference-list')}bulk/take-over/", {"pk": pks})
    isp.run()
    assert {name: row["comment"] for name, row in secrets_on(tower).items()} == {
        "ali": f"fl:{ali.pk}", "basit": secrets_on(tower)["basit"]["comment"], "sara": "no number",
    }  # fmt: skip
    assert len(secrets_on(tower)) == 3
