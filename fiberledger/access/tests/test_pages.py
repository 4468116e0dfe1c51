"""The pages of the network, as the owner and the engineer see them."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from fiberledger import audit
from fiberledger.access import services
from fiberledger.access.models import AccessAccount, LineCommand, LiveSession, Nas
from fiberledger.screens.registry import registry
from fiberledger.subscriptions import services as subscriptions
from tests.radius import Router, make_line
from tests.stage import PASSWORD


@pytest.mark.parametrize(
    "name", ["nas-list", "nas-new", "livesession-list", "sessionhistory-list", "refusedlogin-list", "linecommand-list"]
)
def test_every_list_opens_with_and_without_rows(isp, router, name):
    owner = isp.client("owner")
    assert owner.get(reverse(f"access:{name}")).status_code == 200
    make_line(isp)
    router.login("asha", "wrong")
    router.tell("Start", "asha", Framed_IP_Address="10.0.0.7")
    router.tell("Stop", "asha", session="earlier", Acct_Session_Time=60)
    with isp.scope():
        services.disconnect(LiveSession.objects.get(), reason="test", by=isp.system())
    page = owner.get(reverse(f"access:{name}"))
    assert page.status_code == 200
    if name not in ("nas-new", "nas-list"):
        assert b"asha" in page.content


def test_a_router_is_added_with_a_secret_that_is_shown_only_for_a_reason(isp):
    owner = isp.client("owner")
    from tests.radius import fresh_address

    address = fresh_address()
    form = {
        "name": "Tower 1", "kind": "mikrotik", "src_ip": address, "active": "on", "interim_seconds": 300, "coa_port": 3799, "api_port": 8728,
        "for_suspended": "walled", "for_unknown": "reject", "signing": "auto", "walled_list": "expired",
    }  # fmt: skip
    answer = owner.post(reverse("access:nas-new"), form)
    assert answer.status_code == 302, answer.content.decode()[:3000]
    with isp.scope():
        nas = Nas.objects.get(src_ip=address)
        secret = nas.plain_secret()
    page = reverse("access:nas", args=[nas.pk])
    for tab in ("", "?tab=setup", "?tab=commands", "?tab=history"):
        shown = owner.get(page + tab)
        assert shown.status_code == 200 and secret.encode() not in shown.content
    assert b"/radius add service=ppp" in owner.get(page + "?tab=setup").content
    reveal = reverse("access:reveal-secret", args=[nas.pk])
    assert secret.encode() not in owner.get(reveal).content
    assert owner.post(reveal, {"reason": ""}).status_code == 422
    shown = owner.post(reveal, {"reason": "new router board", "password": PASSWORD})
    assert secret.encode() in shown.content and "no-store" in shown["Cache-Control"]
    with isp.scope():
        actions = [entry.action for entry in audit.timeline("access.nas", nas.pk)]
        assert "router.secret_revealed" in actions and "router.added" in actions
    assert isp.client("noc").get(reveal).status_code == 403


def test_one_address_for_two_routers_is_refused_on_the_form(isp, zed, router):
    form = {
        "name": "Theirs", "kind": "mikrotik", "src_ip": router.address, "active": "on", "interim_seconds": 300,
        "coa_port": 3799, "api_port": 8728, "for_suspended": "walled", "for_unknown": "reject", "signing": "auto",
    }  # fmt: skip
    answer = zed.client("owner").post(reverse("access:nas-new"), form)
    assert answer.status_code == 422
    assert b"address is in use" in answer.content and b"Bright" not in answer.content


def test_the_subscribers_network_tab_tells_the_whole_story(isp, router):
    account = make_line(isp)
    owner = isp.client("owner")
    page = reverse("subscribers:subscriber", args=[account.subscription.subscriber_id]) + "?tab=network"
    router.login("asha", "wrong")
    text = owner.get(page).content.decode()
    assert "asha" in text and "Wrong password." in text and "Not online" in text
    assert "let me in" not in text and "10M/20M" in text
    router.tell("Start", "asha", Framed_IP_Address="10.0.0.7")
    text = owner.get(page).content.decode()
    assert "10.0.0.7" in text and "Wrong password." not in text


def test_a_line_gets_its_account_on_a_page_and_the_password_is_revealed_with_a_reason(isp, router):
    account = make_line(isp)
    with isp.scope():
        services.close_accounts([account.subscription_id])
    owner = isp.client("owner")
    opening = reverse("access:open-account", args=[account.subscription_id])
    assert owner.get(opening).status_code == 200
    answer = owner.post(opening, {"kind": "pppoe", "username": "asha house"})
    assert answer.status_code == 422
    assert owner.post(opening, {"kind": "pppoe", "username": "asha.house"}).status_code == 302
    with isp.scope():
        opened = AccessAccount.objects.get(username="asha.house")
        password = opened.plain_password()
    assert len(password) == 12 and router.accepts("asha.house", password)
    reveal = reverse("access:reveal-password", args=[opened.pk])
    assert password.encode() in owner.post(reveal, {"reason": "he forgot it", "password": PASSWORD}).content
    change = reverse("access:account", args=[opened.pk])
    assert owner.post(change, {"kind": "pppoe", "username": "asha.house", "static_ip": "10.9.9.9"}).status_code == 302
    assert router.login("asha.house", password).attributes["Framed-IP-Address"] == "10.9.9.9"


def test_a_session_is_disconnected_from_its_page(isp, router):
    make_line(isp)
    router.tell("Start", "asha")
    with isp.scope():
        session = LiveSession.objects.get()
    noc = isp.client("noc")
    url = reverse("access:disconnect", args=[session.key])
    assert noc.get(url).status_code == 200
    assert noc.post(url, {"reason": "asked for it"}).status_code == 302
    with isp.scope():
        assert LineCommand.objects.get().by_hand
    assert b"online" in noc.get(reverse("access:online-count")).content


def test_what_zed_may_not_know_of_is_not_found(isp, zed, router):
    account = make_line(isp)
    router.tell("Start", "asha")
    with isp.scope():
        session = LiveSession.objects.get()
    theirs = zed.client("owner")
    for url in (
        reverse("access:nas", args=[router.nas.pk]), reverse("access:account", args=[account.pk]),
        reverse("access:reveal-password", args=[account.pk]), reverse("access:disconnect", args=[session.key]),
        reverse("access:open-account", args=[account.subscription_id]),
    ):  # fmt: skip
        assert theirs.get(url).status_code == 404, url
    assert b"asha" not in theirs.get(reverse("access:livesession-list")).content


def test_a_cashier_sees_no_router(isp, router):
    cashier = isp.client("cashier")
    assert cashier.get(reverse("access:nas-list")).status_code == 403


def test_the_palette_finds_a_line_by_name_address_and_device(isp, router):
    from fiberledger.access.palette import find

    account = make_line(isp, static_ip="10.5.5.5", only_mac="AA:BB:CC:00:11:22")
    router.tell("Start", "asha", Framed_IP_Address="10.5.5.6")
    with isp.scope():
        for text in ("ash", "ASHA", "10.5.5.5", "10.5.5.6", "aabb.cc00.1122"):
            hits = find(isp.system(), text)
            assert [hit.title for hit in hits] == [account.username], text
        assert [hit.title for hit in find(isp.system(), router.address)] == [router.nas.name]
        assert find(isp.system(), "no") == []


def test_a_subscriber_is_found_by_their_username(isp, router):
    from fiberledger.subscribers import services as subscribers

    account = make_line(isp, username="house7.block-c")
    with isp.scope():
        assert [s.pk for s in subscribers.find("house7", actor=isp.system())] == [account.subscription.subscriber_id]
        account.username = "house8"
        services.save_account(account, by=isp.system())
        assert [s.pk for s in subscribers.find("house8", actor=isp.system())] == [account.subscription.subscriber_id]
        assert subscribers.find("house7", actor=isp.system()) == []


def test_a_demonstration_has_a_past_and_a_present(isp, router):
    from fiberledger.access.models import SessionHistory
    from fiberledger.access.play import play_sessions

    accounts = [make_line(isp, name=f"Person {n}", username=f"person{n}", phone=f"030012345{n:02}") for n in range(12)]
    played = play_sessions(isp.tenant.pk, days=30)
    with isp.scope():
        assert SessionHistory.objects.count() + LiveSession.objects.count() == played > 12 * 15
        assert 0 < LiveSession.objects.count() < 12
        assert services.reconcile() == 0  # they have the terms their lines have
    page = isp.client("owner").get(reverse("access:livesession-list"))
    assert b"hx-trigger" in page.content and b"48:8F:5A" in page.content
    past = isp.client("owner").get(reverse("access:sessionhistory-list")).content.decode()
    after = re.search(r"after=([\w-]+)", past)[1]
    older = isp.client("owner").get(reverse("access:sessionhistory-list"), {"after": after})
    assert older.status_code == 200 and b"person" in older.content
    assert len(accounts) == 12


def test_a_demonstration_goes_on_until_its_sessions_are_dropped(isp, router, clock):
    from fiberledger.access.play import drop, play_on, play_sessions

    for n in range(12):
        make_line(isp, name=f"Person {n}", username=f"person{n}", phone=f"030012345{n:02}")
    play_sessions(isp.tenant.pk, days=1)
    with isp.scope():
        before = {session.pk: session for session in LiveSession.objects.select_related("account__subscription")}
        cut = next(iter(before.values()))
        subscriptions.suspend([cut.account.subscription], reason="request", by=isp.system())
        services.rebuild()
    clock.forward(minutes=3)
    assert play_on(isp.tenant.pk) == len(before)
    with isp.scope():
        for session in LiveSession.objects.all():
            assert session.seconds == before[session.pk].seconds + 180
            assert session.out_octets > before[session.pk].out_octets
        assert LiveSession.objects.get(pk=cut.pk).terms == cut.terms  # nobody has told the router yet
    drop(isp.tenant.pk, cut.session_id)
    with isp.scope():
        assert not LiveSession.objects.filter(pk=cut.pk).exists()
    clock.forward(minutes=3)
    play_on(isp.tenant.pk)
    with isp.scope():
        back = LiveSession.objects.get(pk=cut.pk)
        assert back.behind_wall and back.seconds == 0


def test_the_figures_of_the_dashboard(isp, router, clock):
    make_line(isp)
    router.tell("Start", "asha")
    router.login("asha", "let me in")
    figures = {figure.code: figure for figure in registry.figures}

    class Request:
        actor = isp.system()

    with isp.scope():
        assert figures["online"].read(Request).value == 1
        assert figures["routers-silent"].read(Request).value == 0
        from datetime import timedelta

        from fiberledger import calendar

        clock.move_to(calendar.now() + timedelta(hours=1))
        assert figures["routers-silent"].read(Request).value == 1
        worklist = next(item for item in registry.worklists if item.code == "network")
        assert [item.tone for item in worklist.items(Request)] == ["bad"]


# --- the projection ---------------------------------------------------------------------------------------------


def test_a_projection_that_drifted_is_found_and_put_right(isp, router):
    from django.db import connection

    account = make_line(isp)
    with isp.scope():
        assert services.rebuild(dry=True).drift == 0
        with connection.cursor() as cursor:
            cursor.execute("UPDATE radius_line SET verdict = 'refuse' WHERE account_id = %s", [account.pk])
        assert services.rebuild(dry=True).written == [account.pk]
        assert services.rebuild(dry=True).drift == 1  # looking changes nothing
        assert services.rebuild().drift == 1
        assert services.rebuild().drift == 0
    assert router.accepts("asha", "let me in")


def test_editing_a_plan_reaches_its_lines_whoever_edited_it(isp, router):
    from fiberledger.access.tasks import sweep

    account = make_line(isp)
    with isp.scope():
        plan = account.subscription.plan
        plan.download_kbps = 50_000
        plan.save()
    sweep()
    isp.run()
    assert router.login("asha", "let me in").attributes["Mikrotik-Rate-Limit"].startswith("10M/50M")


def test_usernames_may_be_exchanged(isp, router):
    first = make_line(isp)
    second = make_line(isp, name="Bina", username="bina", password="second", phone="03001234568")
    with isp.scope():
        first.username = "temporary"
        services.save_account(first, by=isp.system())
        second.username = "asha"
        services.save_account(second, by=isp.system())
        first.username = "bina"
        services.save_account(first, by=isp.system())
    assert router.accepts("asha", "second") and router.accepts("bina", "let me in")


def test_opening_many_accounts_at_once_is_opening_each(isp, freeradius):
    router = Router.of(freeradius, isp)
    account = make_line(isp)
    with isp.scope():
        services.close_accounts([account.subscription_id])
        made = services.open_accounts(
            [{"subscription_id": account.subscription_id, "username": "Imported", "password": "from a sheet"}],
            by=isp.system(),
        )
        assert list(made) == [account.subscription_id]
        assert services.usernames_taken(["imported", "free"]) == {"imported"}
        subscriptions.suspend([account.subscription], reason="unpaid", by=isp.system())
    isp.run()
    assert "Mikrotik-Address-List" in router.login("imported", "from a sheet").attributes
