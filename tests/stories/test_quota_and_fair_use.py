"""What a line uses decides how fast it is, while it is on: real FreeRADIUS, real packets, a router that takes commands."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.urls import reverse

from fiberledger import calendar
from fiberledger.access import services as access
from fiberledger.access.models import Drift, LiveSession
from fiberledger.catalog import services as catalog
from fiberledger.catalog.models import AddOn, Plan, PlanHours
from fiberledger.notices.models import Notice
from fiberledger.subscriptions.add_ons import sell_add_on
from fiberledger.usage import rollup, tasks
from fiberledger.usage.models import LineUsage
from tests.radius import CommandedRouter, make_line

GB = 1_000_000_000
CHANGE, DROP = 43, 40


@pytest.fixture
def plan(isp):
    with isp.scope():
        return Plan.objects.create(
            name="Fair 20", code="FAIR", price=1200, currency=isp.tenant.currency, download_kbps=20000, upload_kbps=10000,
            quota_mb=100_000, at_limit="slow", slow_download_kbps=2000, slow_upload_kbps=1000,
        )  # fmt: skip


@contextmanager
def commanded(isp, router, **answers):
    with CommandedRouter(router.address, router.secret, **answers) as box:
        with isp.scope():
            router.nas.coa_port = box.port
            access.save_nas(router.nas, by=isp.system())
        yield box


def online(isp, router, session="81000001", **more):
    granted = router.login("asha", "let me in", **more)
    assert granted.kind == "accept"
    router.tell("Start", "asha", session=session, Class=granted.attributes["Class"], Framed_IP_Address="10.0.0.7")
    return granted.attributes


def uses(router, octets, session="81000001", **more):
    router.tell(
        "Interim-Update", "asha", session=session, Acct_Session_Time=300, Acct_Output_Octets=octets % (1 << 32),
        Acct_Output_Gigawords=octets >> 32, **more,
    )  # fmt: skip


def minute(isp):
    """What the worker does every minute."""
    tasks.fold(isp.tenant.pk)
    isp.run()


def rates(box):
    return [(code, items.get("Mikrotik-Rate-Limit", [None])[0]) for code, _ours, items in box.got]


def state(isp):
    with isp.scope():
        return LineUsage.objects.get().state


def limit_of(router):
    return router.login("asha", "let me in").attributes.get("Mikrotik-Rate-Limit")


def test_heavy_use_slows_the_session_that_is_on_and_data_makes_it_fast_again(isp, router, plan):
    account = make_line(isp, plan=plan)
    with commanded(isp, router) as box:
        assert online(isp, router)["Mikrotik-Rate-Limit"] == "10M/20M"
        uses(router, 60 * GB)
        minute(isp)
        assert box.got == [] and state(isp) == "plain"
        uses(router, 85 * GB)
        minute(isp)
        assert box.got == [] and state(isp) == "near"
        uses(router, 101 * GB)
        minute(isp)
        assert rates(box) == [(CHANGE, "1M/2M")] and state(isp) == "slowed"
        with isp.scope():
            assert access.reconcile() == 0 and not Drift.objects.exists()
        assert limit_of(router) == "1M/2M"  # RADIUS itself says so at the next login
        minute(isp)
        assert len(box.got) == 1  # nothing to do, nothing done
        with isp.scope():
            assert sorted(Notice.objects.values_list("event", flat=True)) == ["usage.near", "usage.reached"]

        with isp.scope():
            data = AddOn.objects.create(
                name="10 GB", code="D10", kind="data", mb=10_000, price=Decimal(200), currency=isp.tenant.currency
            )
            sell_add_on(account.subscription, data, key=uuid4(), by=isp.system())
        isp.run()
        assert rates(box)[1:] == [(CHANGE, "10M/20M")] and state(isp) == "near"
        assert limit_of(router) == "10M/20M"
        uses(router, 111 * GB)
        minute(isp)
        assert rates(box)[2:] == [(CHANGE, "1M/2M")]


def test_a_new_period_begins_fast(isp, router, plan, clock):
    account = make_line(isp, plan=plan)
    with commanded(isp, router) as box:
        online(isp, router)
        uses(router, 101 * GB)
        minute(isp)
        assert state(isp) == "slowed"
        with isp.scope():
            ends = account.subscription.period_around(calendar.today())[1]
            clock.move_to(calendar.start_of_day(ends) - timedelta(minutes=1))
        minute(isp)
        assert len(box.got) == 1
        clock.forward(hours=30)  # and a worker that was away for a day catches up
        minute(isp)
        assert rates(box) == [(CHANGE, "1M/2M"), (CHANGE, "10M/20M")]
        with isp.scope():
            assert (LineUsage.objects.get().used, LineUsage.objects.get().starts_on) == (0, ends)
            assert rollup.verify() == []


def test_a_plan_that_stops_goes_behind_the_wall_or_is_refused(isp, router, plan):
    with isp.scope():
        Plan.objects.filter(pk=plan.pk).update(at_limit="stop")
        plan.refresh_from_db()
    make_line(isp, plan=plan)
    with commanded(isp, router) as box:
        online(isp, router)
        uses(router, 101 * GB)
        minute(isp)
        assert [code for code, _ours, _items in box.got] == [DROP] and state(isp) == "stopped"
        walled = router.login("asha", "let me in").attributes
        assert walled["Mikrotik-Address-List"] == "expired" and "Mikrotik-Rate-Limit" not in walled
        with isp.scope():
            router.nas.for_suspended = "reject"
            access.save_nas(router.nas, by=isp.system())
        assert router.login("asha", "let me in").attributes["Reply-Message"] == "The data of this period is used up."


def test_one_quota_is_shared_by_all_sessions_of_a_line(isp, router, plan):
    make_line(isp, plan=plan)
    with commanded(isp, router) as box:
        for n in range(2):
            device = f"AA:BB:CC:00:00:0{n}"
            granted = router.login("asha", "let me in", mac=device).attributes["Class"]
            router.tell("Start", "asha", session=f"s{n}", Class=granted, Calling_Station_Id=device)
            uses(router, 51 * GB, session=f"s{n}", Calling_Station_Id=device)
        minute(isp)
        assert rates(box) == [(CHANGE, "1M/2M")] * 2


def test_the_hour_changes_the_speed_and_free_hours_do_not_count(isp, router, plan, clock):
    make_line(isp, plan=plan)
    with isp.scope():
        noon = calendar.start_of_day(calendar.today()) + timedelta(hours=12)
        night = PlanHours(
            plan=plan, days=list(range(7)), from_hour=22, to_hour=6, download_kbps=50000, upload_kbps=25000
        )
        night.free = True
        catalog.save_hours(night, by=isp.system())
    clock.move_to(noon)
    with commanded(isp, router) as box:
        online(isp, router)
        minute(isp)
        assert box.got == []
        clock.move_to(noon + timedelta(hours=10, seconds=5))
        minute(isp)
        assert rates(box) == [(CHANGE, "25M/50M")] and state(isp) == "hours"
        clock.move_to(noon + timedelta(hours=18, seconds=5))
        minute(isp)
        assert rates(box)[1:] == [(CHANGE, "10M/20M")]
    with isp.scope():
        before = LineUsage.objects.get().used
        # What the night moved is in the days, and in no quota.
        began = calendar.start_of_day(calendar.today()) + timedelta(hours=1)
    at = began if began < datetime.now(began.tzinfo) else began - timedelta(days=1)
    stamp = {"Event_Timestamp": int((at + timedelta(hours=1)).timestamp()), "Acct_Session_Time": 3600}
    router.tell("Stop", "asha", session="night", Acct_Output_Octets=3 * GB, **stamp)
    minute(isp)
    with isp.scope():
        assert LineUsage.objects.get().used == before
        assert sum(moved.down for moved in rollup.months_of([LineUsage.objects.get().account_id])) == 3 * GB
        assert rollup.verify() == []


def test_a_boost_lasts_its_hours(isp, router, plan, clock):
    account = make_line(isp, plan=plan)
    with commanded(isp, router) as box:
        online(isp, router)
        uses(router, 101 * GB)
        minute(isp)
        with isp.scope():
            turbo = AddOn.objects.create(
                name="Turbo", code="T2", kind="speed", hours=2, download_kbps=100000, upload_kbps=50000, price=Decimal(50),
                currency=isp.tenant.currency,
            )  # fmt: skip
            sell_add_on(account.subscription, turbo, key=uuid4(), by=isp.system())
        isp.run()
        assert rates(box)[1:] == [(CHANGE, "50M/100M")] and state(isp) == "boosted"
        clock.move_to(calendar.now() + timedelta(hours=2, minutes=1))
        minute(isp)
        assert rates(box)[2:] == [(CHANGE, "1M/2M")]


def test_an_edited_plan_and_a_router_that_refuses(isp, router, plan):
    make_line(isp, plan=plan)
    with commanded(isp, router, answer="nak", error=407) as box:
        online(isp, router)
        uses(router, 40 * GB)
        minute(isp)
        owner = isp.client("owner")
        url = reverse("catalog:plan-edit", args=[plan.pk])
        sent = {"name": "Fair 20", "price": "1200", "validity_days": 30, "category": "residential", "status": "active"}
        sent |= {"connection_type": "pppoe", "download_kbps": 20000, "upload_kbps": 10000, "at_limit": "slow"}
        assert "Say how much data" in owner.post(url, sent).content.decode()
        sent |= {"quota_mb": 30000, "slow_download_kbps": 30000}
        assert "slower than before" in owner.post(url, sent).content.decode()
        assert owner.post(url, sent | {"slow_download_kbps": 1000}).status_code == 302
        minute(isp)
        assert state(isp) == "slowed" and {code for code, _ours, _items in box.got} == {CHANGE, DROP}
        with isp.scope():  # it said no to both: it is told as it is, not shown as done
            assert Drift.objects.get().kind == "speed" and LiveSession.objects.exists()


def test_hours_are_given_on_the_plans_page(isp, plan):
    owner = isp.client("owner")
    new = reverse("catalog:hours-new", args=[plan.pk])
    assert "Hours of Fair 20" in owner.get(new).content.decode()
    nothing = owner.post(new, {"days": ["0", "1"], "from_hour": 22, "to_hour": 6})
    assert nothing.status_code == 422 and "Give a speed" in nothing.content.decode()
    assert (
        owner.post(new, {"days": ["0", "1"], "from_hour": 22, "to_hour": 6, "download_kbps": 40000}).status_code == 302
    )
    again = owner.post(new, {"days": ["2"], "from_hour": 5, "to_hour": 9, "free": "on"})
    assert (
        again.status_code == 422 and "other hours then: 22:00" in again.content.decode()
    )  # Tuesday's night ends on Wednesday
    page = owner.get(reverse("catalog:plan", args=[plan.pk]) + "?tab=hours").content.decode()
    assert "22:00 – 06:00" in page and "40/– Mbit/s" in page
    with isp.scope():
        pk = PlanHours.objects.get().pk
    assert owner.post(reverse("catalog:hours-remove", args=[pk])).status_code == 302
    with isp.scope():
        assert not PlanHours.objects.exists()


def test_what_a_line_uses_and_why_it_is_slow_is_seen(isp, router, plan):
    account = make_line(isp, plan=plan)
    online(isp, router)
    uses(router, 120 * GB)
    minute(isp)
    owner = isp.client("owner")
    tab = owner.get(
        reverse("subscribers:subscriber", args=[account.subscription.subscriber_id]) + "?tab=usage"
    ).content.decode()
    assert "120.0 GB" in tab and "of 100.0 GB used" in tab and "Slowed down to 2/1 Mbit/s" in tab
    page = owner.get(reverse("usage:lineusage-list"), {"state": "slowed"}).content.decode()
    assert "asha" in page and "120 %" in page
    assert "asha" not in owner.get(reverse("usage:lineusage-list"), {"state": "stopped"}).content.decode()
    assert "Down now" in owner.get(reverse("access:livesession-list")).content.decode()
    with isp.scope():
        key = LiveSession.objects.get().key
    assert "bit/s" in owner.get(reverse("usage:rate", args=[key])).content.decode()
