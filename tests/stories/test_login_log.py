"""Who is turned away is written down, and who guesses passwords is noticed: real FreeRADIUS, real packets."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection
from django.urls import reverse

from fiberledger.access import services
from fiberledger.access.models import LoginEntry, LoginGuess
from fiberledger.operate import environment
from tests.radius import make_line

MINE, STRANGE = "AA:BB:CC:00:11:22", "AA:BB:CC:00:11:99"


def agree(isp, **rules):
    with isp.scope():
        agreed = services.policy()
        for name, value in rules.items():
            setattr(agreed, name, value)
        services.save_policy(agreed, by=isp.system())


def test_each_refusal_is_in_the_log_with_its_reason_device_and_port_once_a_minute(isp, zed, router):
    make_line(isp, only_mac=MINE)
    router.login("asha", "wrong", mac=MINE, extra={"NAS-Port-Id": "olt1/0/3:7"})
    for _try in range(3):
        router.login("asha", "let me in", mac=STRANGE)
    router.login("nobody", "let me in", mac=STRANGE)
    with isp.scope():
        log = list(LoginEntry.objects.order_by("id"))
    assert log[0].reason == "Wrong password." and log[0].port == "olt1/0/3:7" and log[0].account_id
    assert {(one.username, one.reason, one.mac) for one in log[1:]} == {
        ("asha", "This account is bound to another device.", STRANGE), ("nobody", "Nobody has this username.", STRANGE),
    }  # fmt: skip
    assert sum(one.times for one in log) == 5 and len(log) <= 4  # a minute may have turned
    owner = isp.client("owner")
    page = owner.get(reverse("access:loginentry-list") + "?reason=Nobody+has+this+username.").content.decode()
    assert "nobody" in page and "Wrong password." not in page.partition("<tbody")[2]
    assert "nobody" in owner.get(reverse("access:loginentry-list") + f"?q={STRANGE.lower()}").content.decode()
    with zed.scope():
        assert not LoginEntry.objects.exists()
    with isp.scope(), pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM access_loginentry")


def test_whoever_guesses_is_noticed_and_shut_out_for_a_while_if_the_rules_say_so(isp, router):
    make_line(isp, only_mac=MINE)
    make_line(isp, name="Bina", username="bina", phone="03001234568")
    agree(isp, guess_limit=3)
    for _try in range(3):
        router.login("asha", "guess", mac=MINE)
    with isp.scope():
        assert {(g.kind, g.subject, g.tries) for g in LoginGuess.objects.guessing()} == {
            ("user", "asha", 3), ("device", MINE, 3),
        }  # fmt: skip
    owner = isp.client("owner")
    assert MINE in owner.get(reverse("access:loginguess-list")).content.decode()
    assert "guess passwords" in owner.get("/").content.decode()
    assert router.login("asha", "let me in", mac=MINE).kind == "accept"  # watched, not shut out

    agree(isp, block_minutes=30)
    for _try in range(3):
        router.login("bina", "guess", mac=STRANGE)
    for username in ("bina", "asha"):  # the device, whoever it says it is
        refused = router.login(username, "let me in", mac=STRANGE)
        assert refused.kind == "reject"
    assert "Too many wrong passwords" in router.login("bina", "let me in", mac=STRANGE).attributes["Reply-Message"]
    assert router.login("bina", "let me in", mac="AA:BB:CC:00:11:77").kind == "reject"  # the username too
    assert router.login("asha", "let me in", mac=MINE).kind == "accept"
    with isp.scope():
        tries = LoginGuess.objects.get(kind="user", subject="bina").tries
        assert tries == 3  # being shut out is no guess
        shut = list(LoginGuess.objects.shut_out())
    for guess in shut:
        assert owner.post(reverse("access:let-in", args=[guess.pk])).status_code == 302
    assert router.login("bina", "let me in", mac=STRANGE).kind == "accept"


def test_a_usernames_own_device_is_never_shut_out_by_others_guesses(isp, router):
    make_line(isp, only_mac=MINE)
    agree(isp, guess_limit=3, block_minutes=30)
    with psycopg.connect(**environment.connection("fl_control"), autocommit=True) as control:
        for _try in range(4):
            control.execute("SELECT radius_count_guess(%s, %s, 'asha', %s)", [isp.tenant.pk, router.nas.pk, STRANGE])
    with isp.scope():
        assert LoginGuess.objects.shut_out().filter(kind="user").count() == 1
    assert router.login("asha", "let me in", mac=MINE).kind == "accept"
