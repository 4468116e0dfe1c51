"""Somebody with a letter asks who held an address; nothing is looked up before a second person has said yes."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from django.urls import reverse

from fiberledger import calendar
from fiberledger.audit.models import Entry
from fiberledger.ipam import services as ipam
from fiberledger.ipam.models import CgnatRule, Prefix
from fiberledger.tracing import finding, services
from fiberledger.tracing.models import TraceCase
from tests.radius import make_line


def letter(isp, address, at, **more):
    with isp.scope():
        at, today = calendar.local(at), calendar.today()
    return {
        "address": address, "port": "", "at": f"{at:%Y-%m-%dT%H:%M:%S}", "authority": "FIA, Lahore",
        "reference": "CCW/2026/118", "requested_on": f"{today:%Y-%m-%d}", "reason": "Section 34 PECA",
        "keep_until": f"{today.replace(year=today.year + 1, day=1):%Y-%m-%d}", **more,
    }  # fmt: skip


def who(address, at, port=None):
    return [
        (one.source, one.username, one.subscriber) for one in finding.holders(ipaddress.ip_address(address), port, at)
    ]


def past(isp, table, account, nas, began, ended, **addresses):
    """A session that is over, as accounting has written it."""
    columns = {"key": uuid4(), "tenant_id": isp.tenant.pk, "nas_id": nas.pk, "account_id": account.pk, "username": account.username,
               "session_id": "s", "mac": "", "started_at": began, "ended_at": ended, "seconds": 1, "in_octets": 1, "out_octets": 1,
               **addresses}  # fmt: skip
    with transaction.atomic(using="control"), connections["control"].cursor() as cursor:
        holes = ", ".join(["%s"] * len(columns))
        cursor.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({holes})", list(columns.values()))


def test_who_held_an_address_is_known_from_sessions_that_are_on_fresh_and_filed(isp, zed, router):
    asha = make_line(isp)
    bilal = make_line(isp, name="Bilal", username="bilal", phone="03001230000")
    now = calendar.now()
    hours = [now - timedelta(hours=n) for n in range(10)]
    past(isp, "access_sessionhistory", asha, router.nas, hours[9], hours[7], ip="10.0.0.7", prefix6="2001:db8:7::/64")
    past(
        isp,
        "access_sessionhistory",
        bilal,
        router.nas,
        hours[7],
        hours[5],
        ip="10.0.0.7",
        delegated6="2001:db8:700::/40",
    )
    past(isp, "access_sessionfresh", asha, router.nas, hours[5], hours[3], ip="10.0.0.7")
    router.tell("Start", "bilal", Framed_IP_Address="10.0.0.7", Framed_IPv6_Prefix="2001:db8:7::/64")
    with isp.scope():
        assert who("10.0.0.7", hours[8]) == [("session", "asha", "Asha")]
        assert who("10.0.0.7", hours[7]) == [("session", "bilal", "Bilal")]  # a session ends before the next one begins
        assert who("10.0.0.7", hours[6]) == [("session", "bilal", "Bilal")]
        assert who("10.0.0.7", hours[4]) == [("session", "asha", "Asha")]
        assert who("10.0.0.7", hours[2]) == [] == who("10.0.0.8", hours[6])
        assert who("10.0.0.7", calendar.now()) == [("session", "bilal", "Bilal")]
        assert who("2001:db8:7::99", hours[8]) == [("session", "asha", "Asha")]
        assert who("2001:db8:7ff::1", hours[6]) == [("session", "bilal", "Bilal")]
        assert who("2001:db8:7::99", calendar.now()) == [("session", "bilal", "Bilal")]
        assert who("2001:db8:8::1", hours[6]) == []
    with zed.scope():
        assert who("10.0.0.7", hours[8]) == []


def test_the_search_reads_by_index_only_the_months_that_can_know(isp, router):
    """Else a hundred million rows would be looked through."""
    with isp.scope(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "SELECT to_char(now() + interval '1 month', 'YYYYMM'), to_char(now() - interval '1 month', 'YYYYMM')"
        )
        after, before = cursor.fetchone()
        start = calendar.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        asked = {"tenant": isp.tenant.pk, "at": start, "ip": "10.0.0.7", "nets": ["2001:db8::/64"]}
        for sql, names in ((finding._SESSIONS_4, ["holder"]), (finding._SESSIONS_6, ["holder6", "delegated6"])):
            cursor.execute("EXPLAIN " + sql, asked)
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert all(f"access_sessionhistory_{after}_{name}" in plan for name in names), plan
            assert f"access_sessionhistory_{before}" not in plan


def test_a_case_is_asked_approved_by_another_printed_and_deleted_in_time(isp, router, clock):
    clock.move_to("2026-03-10")
    account = make_line(isp)
    with isp.scope():
        inside = ipam.save_prefix(Prefix(network=ipaddress.ip_network("100.64.0.0/24"), role="cgnat"), by=isp.system())
        rule = CgnatRule(inside=inside.network, outside=ipaddress.ip_network("203.0.113.0/27"), ports=2000)
        ipam.save_rule(rule, by=isp.system())
        ipam.assign(address="100.64.0.40", subscription=account.subscription, by=isp.system())
    clock.forward(hours=2)
    outside, first, _last = rule.plan.outside_of(ipaddress.ip_address("100.64.0.40"))
    engineer, owner = isp.client("engineer"), isp.client("owner")
    at = calendar.now()
    new = reverse("tracing:tracecase-new")
    assert engineer.post(new, letter(isp, "203.0.113.300", at)).status_code == 422
    assert engineer.post(new, letter(isp, outside, at, port=70000)).status_code == 422
    assert engineer.post(new, letter(isp, outside, at, port=first + 5)).status_code == 302
    with isp.scope():
        case = TraceCase.objects.get()
        assert case.number == "T-00001" and case.answer is None
    page, approve = reverse("tracing:tracecase", args=[case.pk]), reverse("tracing:approve", args=[case.pk])
    assert b"Asha" not in engineer.get(page).content
    assert engineer.post(approve).status_code == 403
    assert engineer.get(reverse("tracing:print", args=[case.pk])).status_code == 404
    assert owner.post(approve).status_code == 302
    with isp.scope():
        case.refresh_from_db()
        assert [(one["source"], one["subscriber"], one["inside"]) for one in case.answer] == [
            ("fixed", "Asha", "100.64.0.40")
        ]
        looks = Entry.objects.filter(action="trace.seen").count()
    assert b"Asha" in engineer.get(page).content
    paper = owner.get(reverse("tracing:print", args=[case.pk]))
    assert paper.content.startswith(b"%PDF") and paper["Cache-Control"] == "no-store"
    with isp.scope():
        assert Entry.objects.filter(action="trace.seen").count() == looks + 2
    clock.move_to("2027-04-01")
    with isp.scope():
        assert services.forget(by=isp.system()) == 1
        case.refresh_from_db()
        assert (case.state, case.answer) == ("forgotten", None)
    assert b"Asha" not in owner.get(page).content
    assert owner.get(reverse("tracing:print", args=[case.pk])).status_code == 404


def test_nobody_approves_what_they_asked_and_a_refusal_discloses_nothing(isp):
    owner, other = isp.client("owner"), isp.client("admin")
    assert owner.post(reverse("tracing:tracecase-new"), letter(isp, "203.0.113.9", calendar.now())).status_code == 302
    with isp.scope():
        case = TraceCase.objects.get()
    owner.post(reverse("tracing:approve", args=[case.pk]))
    with isp.scope():
        assert TraceCase.objects.get().state == "asked"
    assert other.post(reverse("tracing:refuse", args=[case.pk]), {"why": ""}).status_code == 422
    assert other.post(reverse("tracing:refuse", args=[case.pk]), {"why": "No order of a court"}).status_code == 302
    other.post(reverse("tracing:approve", args=[case.pk]))
    with isp.scope():
        case = TraceCase.objects.get()
        assert (case.state, case.answer, case.why_refused) == ("refused", None, "No order of a court")


@pytest.mark.parametrize("role", ["read_only", "noc", "cashier"])
def test_who_may_look_at_everything_else_may_not_look_at_this(isp, role):
    assert isp.client(role).get(reverse("tracing:tracecase-list")).status_code == 403
