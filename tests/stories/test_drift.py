"""Where the network is not what the books say: seen, shown since when, healed, or accepted for a while."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from fiberledger.access import drift, services
from fiberledger.access.models import Drift, LineCommand, LiveSession
from fiberledger.screens.registry import registry
from fiberledger.subscriptions import services as subscriptions
from tests.radius import CommandedRouter, make_line


@pytest.fixture
def line(isp, router):
    account = make_line(isp)
    assert router.accepts("asha", "let me in")
    router.tell("Start", "asha", Class=f"a{account.pk}.{_terms(isp)}", Framed_IP_Address="10.9.0.1")
    return account


def _terms(isp):
    from fiberledger.access.models import RadiusLine

    with isp.scope():
        return RadiusLine.objects.get(username="asha").terms


def _suspend(isp, account):
    with isp.scope():
        subscriptions.suspend([account.subscription], reason="unpaid", by=isp.system())
        services.apply_now([account.subscription_id])


def _list(isp, **query):
    return isp.client("owner").get(reverse("access:drift-list"), query).content.decode()


def test_a_session_that_is_right_is_no_drift(isp, line):
    with isp.scope():
        assert services.reconcile() == 0
        assert not Drift.objects.exists()
    page = _list(isp)
    assert "The network does what the books say" in page and "1 of 1 session is as the books say" in page


def test_a_cut_line_drifts_until_its_session_is_over_not_until_the_router_says_so(isp, router, line, clock):
    with CommandedRouter(router.address, router.secret) as commanded:
        with isp.scope():
            router.nas.coa_port = commanded.port
            services.save_nas(router.nas, by=isp.system())
        _suspend(isp, line)
        with isp.scope():
            found = Drift.objects.get()
            assert (found.kind, found.username) == ("outside", "asha")
        isp.run()
        assert len(commanded.got) == 1
    page = _list(isp)
    assert "0 of 1 session is as the books say" in page and "the oldest difference began" in page
    assert "asha" in page and "Belongs behind the wall" in page and "Confirmed" in page  # said, and not yet seen
    router.tell("Stop", "asha", Acct_Session_Time=60)
    assert "asha" not in _list(isp)
    with isp.scope():
        services.reconcile()
        assert not Drift.objects.exists()


def test_a_changed_speed_heals_in_place(isp, router, line):
    from fiberledger.catalog.models import Plan

    with CommandedRouter(router.address, router.secret) as commanded:
        with isp.scope():
            router.nas.coa_port = commanded.port
            services.save_nas(router.nas, by=isp.system())
            plan = Plan.objects.get(code="H20")
            plan.download_kbps = 30000
            plan.save()
            services.apply_now([line.subscription_id])
            assert Drift.objects.get().kind == "speed"
        isp.run()
        assert [code for code, _ours, _items in commanded.got] == [43]
    with isp.scope():
        assert services.reconcile() == 0
        assert not Drift.objects.exists()


def test_a_router_that_does_not_answer_is_told_about_and_asked_again_by_hand(isp, router, line, clock):
    _suspend(isp, line)
    with isp.scope():
        since = Drift.objects.get().since
        LineCommand.objects.update(state="unanswered")
        assert services.reconcile() == 0  # asked a moment ago
        assert Drift.objects.get().since == since
    clock.forward(minutes=15)

    class Request:
        actor = isp.system()

    work = next(work for work in registry.worklists if work.code == "network")
    figure = next(figure for figure in registry.figures if figure.code == "drift")
    with isp.scope():
        assert any("1 session does not obey" in str(item.title) for item in work.items(Request))
        assert figure.read(Request).value == 1 and "15" in str(figure.read(Request).note)
        pk = Drift.objects.get().pk
    isp.client("owner").post(f"{reverse('access:drift-list')}bulk/heal/", {"pk": [pk]})
    with isp.scope():
        assert LineCommand.objects.filter(state="waiting", kind="disconnect").count() == 1


def test_what_is_accepted_is_left_alone_until_then_or_until_it_should_be_otherwise(isp, router, line, clock):
    _suspend(isp, line)
    with isp.scope():
        LineCommand.objects.all().delete()
        found = Drift.objects.get()
    owner, url = isp.client("owner"), reverse("access:accept-drift", args=[found.pk])
    assert "Why?" in owner.get(url).content.decode()
    assert owner.post(url, {"hours": 8, "why": ""}).status_code == 422
    assert owner.post(url, {"hours": 8, "why": "A hospital: the engineer is on the way"}).status_code == 302
    page = _list(isp, accepted=1)
    assert "asha" in page and "asha" not in _list(isp, open=1)
    with isp.scope():
        assert services.reconcile() == 0 and services.reconcile([line.subscription_id]) == 0
        assert not LineCommand.objects.exists()
    clock.forward(hours=9)
    with isp.scope():
        assert services.reconcile() == 1
        drift.accept(Drift.objects.get(), until=_in(8), why="again", by=isp.system())
        LineCommand.objects.all().delete()
        subscriptions.end([line.subscription], by=isp.system())
        services.apply_now([line.subscription_id])  # refused now, not walled: another difference
        found = Drift.objects.get()
        assert (found.kind, found.accepted_until) == ("intruder", None)
        assert LineCommand.objects.filter(state="waiting").count() == 1


def _in(hours):
    from datetime import timedelta

    from fiberledger import calendar

    return calendar.now() + timedelta(hours=hours)


def test_nobody_accepts_for_ever_or_without_a_reason(isp, router, line):
    from fiberledger.tenancy import Refusal

    _suspend(isp, line)
    with isp.scope():
        found = Drift.objects.get()
        for hours, why in ((0, "because"), (91 * 24, "because"), (5, "  ")):
            with pytest.raises(Refusal):
                drift.accept(found, until=_in(hours), why=why, by=isp.system())


def test_the_operator_asks_from_the_command_line(isp, router, line):
    def ask(*more):
        command = [sys.executable, "-m", "fiberledger", "radius", "drift", "--tenant", isp.tenant.slug, *more]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout

    assert ask() == (0, f"{isp.tenant.slug}: every session is as the books say\n")
    _suspend(isp, line)
    code, said = ask("--json")
    assert code == 1 and json.loads(said)["username"] == "asha" and json.loads(said)["kind"] == "outside"
    with isp.scope():
        drift.accept(Drift.objects.get(), until=_in(8), why="because", by=isp.system())
    assert ask()[0] == 0


def test_a_stranger_on_the_network_is_drift(isp, router):
    router.tell("Start", "nobody-of-ours", Framed_IP_Address="10.9.0.2", Class="a9999.0123456789ab")
    with isp.scope():
        assert LiveSession.objects.get().account_id is None
        services.reconcile()
        assert Drift.objects.get().kind == "intruder"
    assert "nobody-of-ours" in _list(isp)


def test_every_session_is_compared_in_two_queries(isp, router):
    for n in range(3):
        make_line(isp, name=f"Person {n}", username=f"person{n}", phone=f"030012345{n:02}")
        router.tell("Start", f"person{n}", session=f"s{n}")
    with isp.scope(), CaptureQueriesContext(connection) as queries:
        assert drift.look() == []
    assert len([query for query in queries if "access_drift" in query["sql"]]) == 2
