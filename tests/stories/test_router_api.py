"""A router asked over its own API: who is on it, ghosts closed, and the way round when it does not obey RADIUS."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from django.urls import reverse

from fiberledger import calendar
from fiberledger.access import reading, services
from fiberledger.access.models import Drift, LineCommand, LiveSession, RouterReading, SessionHistory
from fiberledger.access.reading import OnRouter
from fiberledger.audit.models import Entry
from fiberledger.routers.simulator import Simulator
from fiberledger.subscriptions import services as subscriptions
from tests.radius import CommandedRouter, make_line

PASSWORD = "api p4ssword = ü"


@pytest.fixture
def mikrotik(isp, router):
    """The router's API at its own address, known to us."""
    with Simulator(router.address, password=PASSWORD) as simulated:
        with isp.scope():
            router.nas.api_username, router.nas.api_port = simulated.username, simulated.port
            services.save_nas(router.nas, api_password=PASSWORD, by=isp.system())
        yield simulated


def come_online(router, mikrotik, name="asha", session="81100001", mac="AA:BB:CC:00:11:22"):
    router.tell("Start", name, session=session, Calling_Station_Id=mac, Framed_IP_Address="10.9.0.1")
    return mikrotik.put(
        "/ppp/active", name=name, caller_id=mac, address="10.9.0.1", uptime="1h2m", session_id=f"0x{session}"
    )


def read(isp, router):
    reading.read_router(isp.tenant.pk, router.nas.pk)
    with isp.scope():
        return RouterReading.objects.get(nas=router.nas)


def test_what_both_say_is_in_order(isp, router, mikrotik):
    make_line(isp)
    come_online(router, mikrotik)
    mikrotik.put("/ip/hotspot/active", user="guest", mac_address="AA:BB:CC:00:99:99", uptime="2m", address="10.5.0.9")
    found = read(isp, router)
    assert (found.active, found.ghosts, found.problem) == (2, 0, "")
    assert [row["name"] for row in found.unreported] == ["guest"]
    page = isp.client("owner").get(reverse("access:nas", args=[router.nas.pk]), {"tab": "on-router"}).content.decode()
    assert "guest" in page and "2m" in page


def test_a_session_that_the_router_does_not_have_is_over(isp, router, mikrotik, clock):
    make_line(isp)
    row = come_online(router, mikrotik)
    mikrotik.rows["/ppp/active"].remove(row)
    assert read(isp, router).ghosts == 0  # it may have begun while we asked
    clock.forward(minutes=2)
    assert read(isp, router).ghosts == 1
    with isp.scope():
        assert not LiveSession.objects.exists()
        assert SessionHistory.objects.get().cause == "Lost-Carrier"


def test_a_router_that_does_not_answer_takes_nobody_offline(isp, router, mikrotik, clock):
    make_line(isp)
    come_online(router, mikrotik)
    clock.forward(minutes=2)
    mikrotik.password = "changed on the router"
    found = read(isp, router)
    assert "username and password" in found.problem and PASSWORD not in found.problem
    mikrotik.stop()
    assert "no connection" in read(isp, router).problem
    with isp.scope():
        assert LiveSession.objects.count() == 1
    page = isp.client("owner").get(reverse("access:nas", args=[router.nas.pk]), {"tab": "on-router"}).content.decode()
    assert "no connection" in page


def test_a_cut_that_radius_does_not_bring_about_is_brought_about_over_the_api(isp, router, mikrotik):
    account = make_line(isp)
    come_online(router, mikrotik)
    come_online(router, mikrotik, name="basit", session="81100002", mac="AA:BB:CC:00:11:33")
    mikrotik.removed = lambda path, row: router.tell("Stop", row["name"], session="81100001", Acct_Session_Time=60)
    with isp.scope():
        subscriptions.suspend([account.subscription], reason="unpaid", by=isp.system())
        services.apply_now([account.subscription_id])
        assert Drift.objects.get(username="asha").kind == "outside"
    isp.run()  # nobody listens for Disconnect at this router's address
    with isp.scope():
        command = LineCommand.objects.get(username="asha")
        assert (command.state, command.answer) == ("confirmed", "removed over the API")
        assert not LiveSession.objects.filter(username="asha").exists()
        services.reconcile()
        assert not Drift.objects.filter(username="asha").exists()
    assert [row["name"] for row in mikrotik.rows["/ppp/active"]] == ["basit"]


def test_who_is_confirmed_dropped_and_goes_on_is_dropped_over_the_api(isp, router, mikrotik, clock):
    account = make_line(isp)
    come_online(router, mikrotik)
    with CommandedRouter(router.address, router.secret) as liar:
        with isp.scope():
            router.nas.coa_port = liar.port
            services.save_nas(router.nas, by=isp.system())
            subscriptions.suspend([account.subscription], reason="unpaid", by=isp.system())
            services.apply_now([account.subscription_id])
        isp.run()
        assert len(liar.got) == 1
    assert len(mikrotik.rows["/ppp/active"]) == 1  # it said yes
    read(isp, router)
    assert len(mikrotik.rows["/ppp/active"]) == 1  # a moment ago: its report may be on the way
    clock.forward(minutes=1)
    mikrotik.removed = lambda path, row: router.tell("Stop", "asha", session="81100001", Acct_Session_Time=60)
    read(isp, router)
    assert mikrotik.rows["/ppp/active"] == []
    with isp.scope():
        assert not LiveSession.objects.exists()
        assert LineCommand.objects.latest("pk").answer == "removed over the API"


def test_asking_by_hand_is_a_job(isp, router, mikrotik):
    owner = isp.client("owner")
    assert owner.post(reverse("access:read-router", args=[router.nas.pk])).status_code == 302
    assert mikrotik.asked == []
    isp.run()
    assert len(mikrotik.asked) == 4
    with isp.scope():
        assert RouterReading.objects.get().active == 0


def test_the_password_is_kept_locked_and_out_of_the_log(isp, router, mikrotik):
    with isp.scope():
        assert PASSWORD.encode() not in bytes(router.nas.api_password)
        said = repr(list(Entry.objects.values()))
        assert PASSWORD not in said and "api_password_set" in said
    page = isp.client("owner").get(f"{reverse('access:nas', args=[router.nas.pk])}edit/").content.decode()
    assert PASSWORD not in page and 'name="new_api_password"' in page


def test_a_username_wants_a_password(isp, router):
    from fiberledger.tenancy import Refusal

    with isp.scope(), pytest.raises(Refusal, match="password"):
        router.nas.api_username = "fiberledger"
        services.save_nas(router.nas, by=isp.system())


ROW = OnRouter("*1", "/ppp/active", "asha", "AA:BB:CC:00:11:22", "10.9.0.1", "81100001", "1h")


@pytest.mark.parametrize(
    ("row", "is_it"),
    [
        (ROW, True),
        (replace(ROW, session_id="99", name="asha"), True),  # the same person on the same device
        (replace(ROW, session_id="", mac="", ip="10.9.0.1"), True),
        (replace(ROW, session_id="", mac="", ip=""), False),
        (replace(ROW, session_id="99", name="basit"), False),
        (replace(ROW, name="basit"), True),  # the number alone is enough
    ],
)
def test_which_row_is_whose(row, is_it):
    ours = SimpleNamespace(
        username="asha", name_on_router="asha", session_id="0081100001", mac="AA:BB:CC:00:11:22", ip="10.9.0.1"
    )
    assert (reading.match(ours, [row]) is not None) is is_it


@pytest.mark.parametrize(("text", "seconds"), [("1w2d3h4m5s", 788645), ("59s", 59), ("", 0), ("1d", 86400), ("odd", 0)])
def test_uptimes(text, seconds):
    assert reading.seconds_of(text) == seconds


def test_what_is_young_is_not_judged():
    at = calendar.now()
    young = SimpleNamespace(
        username="asha", name_on_router="asha", session_id="1", mac="", ip=None, started_at=at, updated_at=at
    )
    assert reading.compare([young], [replace(ROW, name="new", uptime="5s")], at) == reading.Compared([], [], [])
