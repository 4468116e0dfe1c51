"""What FreeRADIUS answers at the door: real FreeRADIUS, real packets."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from django.urls import reverse

from fiberledger import audit, calendar
from fiberledger.access import services, tasks
from fiberledger.access.models import (
    AccessAccount,
    BindingChange,
    LiveSession,
    Nas,
    RadiusLine,
    RefusedLogin,
    SessionHistory,
)
from fiberledger.access.rules import as_value
from fiberledger.operate import environment
from fiberledger.subscriptions import services as subscriptions
from fiberledger.tenancy import Refusal
from tests.radius import CommandedRouter, Router, fresh_address, make_line, wait_until


@pytest.mark.parametrize("how", ["PAP", "CHAP", "MSCHAP"])
def test_an_active_line_is_accepted_with_its_speed(isp, router, how):
    account = make_line(isp)
    answer = router.login("asha", "let me in", how=how)
    assert answer.kind == "accept", answer.said
    granted = answer.attributes
    assert granted["Mikrotik-Rate-Limit"] == "10M/20M 20M/40M 7500k/15M 16/16"
    assert granted["WISPr-Bandwidth-Max-Up"] == "10000000"
    assert granted["WISPr-Bandwidth-Max-Down"] == "20000000"
    assert granted["Framed-Pool"] == "home"
    assert granted["Acct-Interim-Interval"] == "300"
    assert bytes.fromhex(granted["Class"][2:]).decode().startswith(f"a{account.pk}.")
    assert "Message-Authenticator" in granted


@pytest.mark.parametrize("how", ["PAP", "CHAP", "MSCHAP"])
def test_a_wrong_password_is_refused(isp, router, how):
    make_line(isp)
    assert router.login("asha", "let me out", how=how).kind == "reject"


def test_a_suspended_line_is_walled_or_refused_as_the_router_says_and_comes_back(isp, router, freeradius):
    account = make_line(isp)
    strict = Router.of(freeradius, isp, for_suspended="reject")
    with isp.scope():
        subscriptions.suspend([account.subscription], reason="unpaid", by=isp.system())
    isp.run()
    walled = router.login("asha", "let me in", how="CHAP")
    assert walled.kind == "accept"
    assert walled.attributes["Mikrotik-Address-List"] == "expired"
    assert "Mikrotik-Rate-Limit" not in walled.attributes
    assert int(walled.attributes["Session-Timeout"]) <= 3600
    refused = strict.login("asha", "let me in")
    assert refused.kind == "reject"
    assert refused.attributes["Reply-Message"] == "This account is suspended."
    assert router.login("asha", "wrong").kind == "reject"  # the wall is for those who belong here

    with isp.scope():
        subscriptions.resume([account.subscription], reason="paid", by=isp.system())
    isp.run()
    for each in (router, strict):
        answer = each.login("asha", "let me in")
        assert answer.kind == "accept" and "Mikrotik-Rate-Limit" in answer.attributes
        assert "Mikrotik-Address-List" not in answer.attributes


def test_an_ended_line_is_refused_everywhere(isp, router):
    account = make_line(isp)
    with isp.scope():
        subscriptions.end([account.subscription], reason="left", by=isp.system())
    isp.run()
    assert router.rejects("asha", "let me in")


def test_the_network_ends_a_line_by_the_date_whatever_jobs_did(isp, freeradius):
    strict = Router.of(freeradius, isp, for_suspended="reject")
    account = make_line(isp)
    with isp.scope():
        subscriptions.set_cuts({account.subscription_id: calendar.now() + timedelta(hours=2)})
    answer = strict.login("asha", "let me in")
    assert answer.kind == "accept" and 7000 < int(answer.attributes["Session-Timeout"]) <= 7200
    with isp.scope():
        subscriptions.set_cuts({account.subscription_id: calendar.now() - timedelta(seconds=1)})
    assert strict.rejects("asha", "let me in")  # no job ran
    with isp.scope():
        subscriptions.set_cuts({account.subscription_id: None})
    assert strict.accepts("asha", "let me in")


def test_a_renewed_line_leaves_the_wall_with_its_fixed_address(isp, freeradius):
    router = Router.of(freeradius, isp, walled_pool="expired-pool")
    account = make_line(isp, static_ip="10.1.2.3")
    assert router.login("asha", "let me in").attributes["Framed-IP-Address"] == "10.1.2.3"
    with isp.scope():
        subscriptions.suspend([account.subscription], reason="unpaid", by=isp.system())
    isp.run()
    walled = router.login("asha", "let me in").attributes
    assert walled["Framed-Pool"] == "expired-pool" and "Framed-IP-Address" not in walled
    with isp.scope():
        subscriptions.resume([account.subscription], reason="paid", by=isp.system())
    isp.run()
    paid = router.login("asha", "let me in").attributes
    assert paid["Framed-IP-Address"] == "10.1.2.3" and "Framed-Pool" not in paid


def test_unknown_usernames_are_refused_or_walled_as_the_router_says(isp, router, freeradius):
    assert router.rejects("nobody", "anything")
    open_house = Router.of(freeradius, isp, for_unknown="walled")
    answer = open_house.login("nobody", "anything")
    assert answer.kind == "accept" and answer.attributes["Mikrotik-Address-List"] == "expired"


def test_a_username_differs_in_more_than_capitals(isp, router):
    make_line(isp, username="Asha.Home")
    assert router.accepts("asha.home", "let me in")
    assert router.accepts("ASHA.HOME", "let me in")
    with pytest.raises(Refusal, match="username"):
        make_line(isp, username="ASHA.home", phone="03001234568", name="Bina")


def test_a_line_may_be_bound_to_a_device_and_to_a_router(isp, router, freeradius):
    elsewhere = Router.of(freeradius, isp)
    make_line(isp, only_mac="aa-bb-cc-00-11-22", only_nas=router.nas)
    assert router.login("asha", "let me in", mac="aabb.cc00.1122").kind == "accept"
    refused = router.login("asha", "let me in", mac="AA:BB:CC:00:11:23")
    assert refused.kind == "reject" and "device" in refused.attributes["Reply-Message"]
    assert "router" in elsewhere.login("asha", "let me in").attributes["Reply-Message"]


def test_a_device_logs_in_by_its_address(isp, router):
    make_line(isp, username="AA-BB-CC-00-11-22", kind="mac")
    assert router.login("AA:BB:CC:00:11:22", "").kind == "accept"
    assert router.login("AA:BB:CC:00:11:22", "", mac="AA:BB:CC:00:11:99").kind == "reject"


def test_devices_at_once_counts_other_devices_and_forgets_ghosts(isp, router):
    account = make_line(isp, devices=1)
    router.tell("Start", "asha", mac_unused=None)
    assert router.accepts("asha", "let me in")  # the device's own session never locks it out
    other = router.login("asha", "let me in", mac="AA:BB:CC:00:11:99")
    assert other.kind == "reject" and "Another device" in other.attributes["Reply-Message"]
    router.tell("Stop", "asha")
    assert router.login("asha", "let me in", mac="AA:BB:CC:00:11:99").kind == "accept"
    assert account.devices == 1


def test_two_tenants_with_one_username_never_meet(isp, zed, freeradius):
    ours, theirs = Router.of(freeradius, isp), Router.of(freeradius, zed)
    make_line(isp, password="ours is this", static_ip="10.0.0.1")
    make_line(zed, password="theirs is that", static_ip="10.0.0.2", phone="0712345678")
    assert ours.login("asha", "ours is this").attributes["Framed-IP-Address"] == "10.0.0.1"
    assert theirs.login("asha", "theirs is that").attributes["Framed-IP-Address"] == "10.0.0.2"
    assert ours.rejects("asha", "theirs is that") and theirs.rejects("asha", "ours is this")
    assert ours.rejects(f"asha@{zed.tenant.slug}", "theirs is that")


def test_a_routers_address_is_unique_on_the_platform_and_nobody_learns_whose(isp, zed, router):
    with zed.scope(), pytest.raises(Refusal) as refused:
        services.save_nas(Nas(name="Mine", src_ip=router.address), by=zed.system())
    assert "address is in use" in str(refused.value)
    assert isp.tenant.name not in str(refused.value) and router.nas.name not in str(refused.value)


def test_routers_come_change_and_go_without_a_restart(isp, freeradius):
    make_line(isp)
    router = Router.of(freeradius, isp)
    assert router.accepts("asha", "let me in")
    with isp.scope():
        services.save_nas(router.nas, secret="anotherSecret42", by=isp.system())
    freeradius.forget_router(router.address)
    wait_until(lambda: router.login("asha", "let me in", wait=0.3).kind == "silence")  # the old secret
    router.secret = "anotherSecret42"
    assert router.accepts("asha", "let me in")
    with isp.scope():
        router.nas.active = False
        services.save_nas(router.nas, by=isp.system())
    assert not router.accepts("asha", "let me in")  # at once, although its secret is still remembered


def test_a_router_may_be_asked_to_sign(isp, freeradius):
    make_line(isp)
    strict = Router.of(freeradius, isp, signing="required")
    assert strict.accepts("asha", "let me in")
    lines = ['User-Name = "asha"', 'CHAP-Password = "let me in"']
    unsigned = strict.ask(freeradius.auth, "auth", lines, wait=1, sign=False)
    assert unsigned.kind == "silence"


HOSTILE_PASSWORDS = [
    "with space", "quote'single", 'quote"double', "back`tick", "`%{sql:DROP TABLE radius_line}`", "%{User-Name}",
    "'all quoted'", '"all quoted"', "back\\slash", "\\\\two", "=3D=27", "a=b&c%d#e+f", "پاس ورڈ", "naïve ✓ password",
    "' OR 1=1 --", "x" * 60, "`both' and\" `", "$(id)", "{curly}",
]  # fmt: skip


def test_hostile_passwords_are_only_passwords(isp, router):
    account = make_line(isp)
    for password in HOSTILE_PASSWORDS:
        if as_value(password) is None:
            with isp.scope(), pytest.raises(Refusal):
                services.set_password(account, password, by=isp.system())
            continue
        with isp.scope():
            services.set_password(account, password, by=isp.system())
        for how in ("CHAP",) if "\\" in password else ("PAP", "CHAP"):  # radclient reads a backslash twice
            answer = router.login("asha", password, how=how)
            assert answer.kind == "accept", (password, how, answer.said)
    with isp.scope():
        assert RadiusLine.objects.count() == 1


HOSTILE_USERNAMES = [
    "ash'a", 'ash"a', "ash`a", "`%{sql:SELECT 1}`", "%{User-Password}", "asha' OR '1'='1", "asha\\", "آشا", "as=27ha", "a" * 200,
]  # fmt: skip


def test_hostile_usernames_are_nobody(isp, router):
    make_line(isp)
    for username in HOSTILE_USERNAMES:
        answer = router.login(username, "let me in")
        assert answer.kind == "reject", (username, answer.said)
        with isp.scope(), pytest.raises(Refusal):
            services.save_account(
                AccessAccount(subscription_id=AccessAccount.objects.get().subscription_id, username=username),
                by=isp.system(),
            )
    assert router.accepts("asha", "let me in")


def test_one_can_ask_why_a_login_is_refused(isp, router):
    make_line(isp)
    for _try in range(2):
        router.login("asha", "wrong")
    router.login("asah", "let me in")
    with isp.scope():
        asha = RefusedLogin.objects.get(username="asha")
        assert (asha.reason, asha.times, asha.nas_id) == ("Wrong password.", 2, router.nas.pk)
        assert RefusedLogin.objects.get(username="asah").reason == "Nobody has this username."


def test_a_router_in_use_is_heard(isp, router):
    assert router.nas.last_seen_at is None
    router.login("nobody", "x")
    with isp.scope():
        assert Nas.objects.get(pk=router.nas.pk).last_seen_at is not None


def test_a_rogue_address_is_not_answered(isp, router):
    make_line(isp)
    router.address = fresh_address()
    assert router.login("asha", "let me in", wait=1).kind == "silence"


def test_a_router_that_signs_must_go_on_signing(isp, freeradius):
    """auto: unsigned logins are dropped from the time on that the router signs all of them; and one can see who does."""
    make_line(isp)
    router = Router.of(freeradius, isp)
    unsigned = ['User-Name = "asha"', 'User-Password = "let me in"']
    assert router.nas.signs == "unheard"
    assert router.ask(freeradius.auth, "auth", unsigned, sign=False).kind == "accept"
    with isp.scope():
        assert [nas.signs for nas in Nas.objects.unsigned()] == ["unsigned"]
    assert router.accepts("asha", "let me in")
    with isp.scope():
        assert [nas.signs for nas in Nas.objects.unsigned()] == ["both"]
        Nas.objects.update(unsigned_at=calendar.now() - timedelta(days=2))
        assert Nas.objects.get().signs == "signed" and not Nas.objects.unsigned().exists()

    def is_dropped():
        with isp.scope():  # the last one that came in, if it did, was days ago
            Nas.objects.update(unsigned_at=calendar.now() - timedelta(days=2))
        freeradius.forget_router(router.address)
        return router.ask(freeradius.auth, "auth", unsigned, wait=0.5, sign=False).kind == "silence"

    wait_until(is_dropped, 30)
    assert router.accepts("asha", "let me in")


def test_ipv6_prefixes_are_granted_and_pools_where_none_is_fixed(isp, router):
    make_line(isp, prefix6="2001:DB8:0:1::/64", pool6="v6")
    granted = router.login("asha", "let me in").attributes
    assert granted["Framed-IPv6-Prefix"] == "2001:db8:0:1::/64"
    assert granted["Mikrotik-Delegated-IPv6-Pool"] == "v6" and "Framed-IPv6-Pool" not in granted
    make_line(isp, name="Bina", username="bina", phone="03001234568", delegated6="2001:db8:ff00::/56", pool6="v6")
    granted = router.login("bina", "let me in").attributes
    assert granted["Delegated-IPv6-Prefix"] == "2001:db8:ff00::/56" and granted["Framed-IPv6-Pool"] == "v6"
    for bad in ("2001:db8::1/64", "2001:db8::", "10.0.0.0/8", "::/0", "%{User-Name}"):
        with pytest.raises(Refusal, match="IPv6 prefix"):
            make_line(isp, name="Chand", username="chand", phone="03001234569", delegated6=bad)
    with pytest.raises(Refusal, match="this delegated prefix"):
        make_line(isp, name="Chand", username="chand", phone="03001234569", delegated6="2001:0db8:ff00::/56")


# --- bound to a device and a port -----------------------------------------------------------------------------

OLD, NEW = "AA:BB:CC:00:11:22", "AA:BB:CC:00:11:99"


def come_online(router, mac, port, session, username="asha"):
    answer = router.login(username, "let me in", mac=mac, extra={"NAS-Port-Id": port})
    assert answer.kind == "accept", answer.said
    router.tell(
        "Start", username, session=session, Class=answer.attributes["Class"], Calling_Station_Id=mac, NAS_Port_Id=port
    )


def bindings(isp):
    with isp.scope():
        return [(c.how, c.old_mac, c.new_mac, c.new_port) for c in BindingChange.objects.order_by("pk")]


def test_a_line_learns_its_first_device_and_port_from_a_session_not_from_a_guess(isp, router):
    account = make_line(isp, learn_mac=True, learn_port=True)
    assert router.login("asha", "guess", mac=NEW).kind == "reject"
    assert router.accepts("asha", "let me in") and bindings(isp) == []  # the password was right; no session yet
    come_online(router, OLD, "olt1/0/3:7", "one")
    assert bindings(isp) == [("learned", "", OLD, "olt1/0/3:7")]
    other = router.login("asha", "let me in", mac=NEW, extra={"NAS-Port-Id": "olt1/0/3:7"})
    assert "another device" in other.attributes["Reply-Message"]
    elsewhere = router.login("asha", "let me in", mac=OLD, extra={"ADSL-Agent-Circuit-Id": "olt1/0/3:8"})
    assert "another port" in elsewhere.attributes["Reply-Message"]
    tasks.reconcile(isp.tenant.pk)
    with isp.scope():
        account.refresh_from_db()
        assert (account.only_mac, account.only_port, account.waits_for) == (OLD, "olt1/0/3:7", "")
        assert audit.timeline("access.accessaccount", account.pk).filter(action="account.bound").count() == 1
        assert services.rebuild().drift == 0
    router.tell("Stop", "asha", session="one", Calling_Station_Id=OLD)
    come_online(router, OLD, "olt1/0/3:7", "two")
    assert len(bindings(isp)) == 1


def test_whoever_changed_their_device_is_bound_anew_by_one_click(isp, router):
    account = make_line(isp, only_mac=OLD)
    assert router.login("asha", "let me in", mac=NEW).kind == "reject"
    owner = isp.client("owner")
    page = owner.get(reverse("access:refusedlogin-list") + "?moved=1").content.decode()
    assert NEW in page
    with isp.scope():
        refused = RefusedLogin.objects.get()
    answer = owner.post(reverse("access:rebind", args=[refused.pk]))
    assert answer.status_code == 302
    assert router.login("asha", "let me in", mac=NEW).kind == "accept"
    assert router.login("asha", "let me in", mac=OLD).kind == "reject"
    assert bindings(isp) == [("by_hand", OLD, NEW, "")]
    with isp.scope():
        assert audit.timeline("access.accessaccount", account.pk).filter(action="account.rebound").count() == 1
        wrong = RefusedLogin.objects.get()
        with pytest.raises(Refusal):
            wrong.reason = "Wrong password."
            services.rebind(account, wrong, by=isp.system())


def test_a_line_moves_by_itself_only_from_its_port_and_after_the_days_agreed(isp, router, clock):
    make_line(isp, learn_mac=True)
    with isp.scope():
        rules = services.policy()
        rules.rebind_days = 3
        services.save_policy(rules, by=isp.system())
    come_online(router, OLD, "olt1/0/3:7", "one")
    at_home = {"extra": {"NAS-Port-Id": "olt1/0/3:7"}, "mac": NEW}
    assert router.login("asha", "let me in", **at_home).kind == "reject"  # the old one is online
    router.tell("Stop", "asha", session="one", Calling_Station_Id=OLD)
    assert router.login("asha", "let me in", **at_home).kind == "reject"  # a moment ago
    with psycopg.connect(**environment.connection("fl_control"), autocommit=True) as control:
        control.execute("UPDATE access_sessionfresh SET started_at = now() - interval '5 days', ended_at = now() - interval '4 days', kept_at = now() - interval '1 day'")  # fmt: skip
    services.file_sessions()
    assert router.login("asha", "let me in", mac=NEW, extra={"NAS-Port-Id": "olt1/0/3:8"}).kind == "reject"
    assert router.login("asha", "wrong", **at_home).kind == "reject"
    come_online(router, NEW, "olt1/0/3:7", "two")
    assert bindings(isp)[1:] == [("moved", OLD, NEW, "")]
    assert router.login("asha", "let me in", mac=OLD, extra={"NAS-Port-Id": "olt1/0/3:7"}).kind == "reject"
    tasks.reconcile(isp.tenant.pk)
    with isp.scope():
        assert AccessAccount.objects.get().only_mac == NEW and services.rebuild().drift == 0


# --- realms and kinds of connection ---------------------------------------------------------------------------


def agree(isp, **rules):
    with isp.scope():
        agreed = services.policy()
        for name, value in rules.items():
            setattr(agreed, name, value)
        services.save_policy(agreed, by=isp.system())


def test_a_realm_is_taken_off_where_the_company_says_so_and_nowhere_else(isp, zed, router, freeradius):
    make_line(isp)
    make_line(isp, name="Bina", username="bina@other.example", phone="03001234568")
    theirs = Router.of(freeradius, zed)
    make_line(zed, password="theirs", phone="0712345678")
    assert router.rejects("asha@home.example", "let me in")
    agree(isp, realms=["home.example", "office"])
    for how in ("PAP", "CHAP", "MSCHAP"):
        assert router.login("Asha@Home.Example", "let me in", how=how).kind == "accept"
    assert router.accepts("asha@office", "let me in") and router.accepts("asha", "let me in")
    assert router.rejects("asha@other.example", "let me in")
    assert router.accepts("bina@other.example", "let me in")  # another realm is part of the name
    assert theirs.rejects("asha@home.example", "theirs")  # zed has agreed to nothing
    assert router.rejects("asha@home.example", "wrong")
    with isp.scope():
        assert RefusedLogin.objects.get(username="asha").reason == "Wrong password."


def test_a_session_with_a_realm_is_its_lines_and_is_commanded_by_the_name_the_router_knows(isp, router):
    make_line(isp, devices=1)
    agree(isp, realms=["home.example"])
    router.tell("Start", "Asha@home.example", Framed_IP_Address="10.0.0.7")
    with isp.scope():
        session = LiveSession.objects.get()
        assert (session.username, session.name_on_router) == ("asha", "Asha@home.example") and session.account_id
    other = router.login("asha@home.example", "let me in", mac=NEW)
    assert "Another device" in other.attributes["Reply-Message"]
    with CommandedRouter(router.address, router.secret) as hears:
        with isp.scope():
            router.nas.coa_port = hears.port
            services.save_nas(router.nas, by=isp.system())
            services.disconnect(LiveSession.objects.get(), reason="test", by=isp.system())
        isp.run()
    assert [attributes["User-Name"] for _code, _signed, attributes in hears.got] == [["Asha@home.example"]]
    router.tell("Stop", "Asha@home.example", Acct_Session_Time=5)
    with isp.scope():
        assert not LiveSession.objects.exists() and SessionHistory.objects.get().username == "asha"


PPPOE = {"Service-Type": "Framed-User", "Framed-Protocol": "PPP", "NAS-Port-Type": "Ethernet"}
TUNNEL = {"Service-Type": "Framed-User", "Framed-Protocol": "PPP", "NAS-Port-Type": "Virtual"}
HOTSPOT = {"Service-Type": "Login-User", "NAS-Port-Type": "Wireless-802.11"}


def test_each_login_opens_its_own_kind_of_connection_where_the_company_says_so(isp, router, freeradius):
    cisco = Router.of(freeradius, isp, kind="cisco")
    for n, kind in enumerate(("pppoe", "vpn", "hotspot")):
        make_line(isp, name=kind.title(), username=kind, kind=kind, phone=f"030012345{n}0")
    asked = {"pppoe": PPPOE, "vpn": TUNNEL, "hotspot": HOTSPOT}
    assert all(router.login(name, "let me in", extra=HOTSPOT).kind == "accept" for name in asked)
    agree(isp, by_kind=True)
    for name in asked:
        for kind, extra in asked.items():
            answer = router.login(name, "let me in", extra=extra)
            assert answer.kind == ("accept" if name == kind else "reject"), (name, kind)
            if name != kind:
                assert "another kind of connection" in answer.attributes["Reply-Message"]
    # A BRAS calls everything virtual.
    assert cisco.login("pppoe", "let me in", extra=TUNNEL).kind == "accept"
    assert cisco.login("hotspot", "let me in", extra=TUNNEL).kind == "reject"


@pytest.mark.parametrize(
    "spelling", ["AA-BB-CC-00-11-22", "aabb.cc00.1122", "aabbcc001122", "aa:bb:cc:00:11:22", "AABBCC-001122"]
)
def test_a_device_may_be_spelled_as_any_router_does(isp, router, spelling):
    make_line(isp, username="AA:BB:CC:00:11:22", kind="mac", only_port="olt1/0/3:7")
    at_home = {"ADSL-Agent-Circuit-Id": "0x" + b"olt1/0/3:7".hex()}
    with_password = router.login(spelling, spelling, mac=spelling, extra=at_home)
    assert with_password.kind == "accept", with_password.said
    elsewhere = router.login(
        spelling, spelling, mac=spelling, extra={"ADSL-Agent-Circuit-Id": "0x" + b"olt1/0/3:8".hex()}
    )
    assert "another port" in elsewhere.attributes["Reply-Message"]
