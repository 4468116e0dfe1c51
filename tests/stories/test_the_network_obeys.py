"""The promise, told with a real FreeRADIUS and a router that lives: who pays is let in, who does not is cut, what somebody
breaks on the router by hand is seen and put right, and a router that was away catches up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from fiberledger import calendar, jobs
from fiberledger.access import drift, reading, services
from fiberledger.access.models import Drift, LineCommand, LiveSession, RadiusLine
from fiberledger.dunning.models import SuspensionPolicy
from fiberledger.payments.tests.shop import Shop
from tests.radius import LivingRouter, Router

PLAN, WALL = ("10000000/20000000", ""), ("", "expired")
NAMES = ("asha", "bilal", "chand")


@pytest.fixture
def shop(isp, clock):
    clock.move_to(datetime.now(UTC).replace(hour=9) - timedelta(days=10))
    shop = Shop(isp)
    with shop.scope():
        SuspensionPolicy.objects.update(enabled=True, hour=0, last_run_on=calendar.today())
    return shop


@pytest.fixture
def people(shop, clock):
    """Three with a line; asha's bill has been due for ten days."""
    found = {name: shop.subscriber(name.title()) for name in NAMES}
    for name, who in found.items():
        with shop.scope():
            services.open_account(shop.line_of(who), username=name, password=f"{name} pass", by=shop.boss)
    shop.bill(found["asha"], "1200")
    shop.isp.run()
    clock.move_to(datetime.now(UTC))
    return found


@pytest.fixture
def router(isp, freeradius, people):
    router = Router.of(freeradius, isp, for_suspended="walled", walled_list="expired")
    with LivingRouter(isp, router, {name: f"{name} pass" for name in NAMES}) as living:
        yield living


def night(shop):
    with shop.scope():
        jobs.enqueue("dunning.night")
    shop.isp.run()


def look(shop, router, clock):
    """A few minutes later: reports, the comparison by the clock, and the router asked itself."""
    clock.forward(minutes=6)
    router.report()
    with shop.scope():
        services.reconcile()
    shop.isp.run()
    router.report()
    reading.read_router(shop.isp.tenant.pk, router.router.nas.pk)


def drifting(shop):
    with shop.scope():
        return [(one.username, one.kind) for one in Drift.objects.standing()]


def told(shop, name):
    with shop.scope():
        return [(one.kind, one.state) for one in LineCommand.objects.filter(username=name).order_by("pk")]


def test_pay_and_be_let_in_owe_and_be_cut(shop, people, router):
    for name in NAMES:
        assert router.dial(name).kind == "accept"
    night(shop)
    assert shop.line_of(people["asha"]).status == "suspended"
    router.report()
    assert [router.served(name) for name in NAMES] == [WALL, PLAN, PLAN]
    with shop.scope():
        assert LiveSession.objects.get(username="asha").behind_wall
        services.reconcile()
    assert drifting(shop) == []

    shop.pay(people["asha"], "1200")
    shop.isp.run()
    router.report()
    assert router.served("asha") == PLAN, "every trace of the wall is gone"
    with shop.scope():
        services.reconcile()
    assert drifting(shop) == []
    assert told(shop, "asha") == [("disconnect", "confirmed")] * 2


def test_what_an_engineer_breaks_by_hand_is_seen_and_put_right(shop, people, router, clock):
    for name in NAMES:
        router.dial(name)
    look(shop, router, clock)
    assert drifting(shop) == [], "nothing is wrong, nothing is touched"
    assert told(shop, "bilal") == []

    # A paid line gets the wall's list by hand, another a queue of its own making.
    rows = {row["name"]: row for row in router.api.rows["/ppp/active"]}
    router.api.put(
        "/ip/firewall/address-list", list="expired", address=rows["bilal"]["address"], comment="do not pay? wait!"
    )
    next(q for q in router.api.rows["/queue/simple"] if q["name"] == "<pppoe-chand>")["max-limit"] = "1000000/1000000"
    look(shop, router, clock)
    assert router.served("bilal") == PLAN and router.served("chand") == PLAN
    assert told(shop, "bilal") == [("unlist", "confirmed")] and told(shop, "chand") == [("change", "confirmed")]
    assert drifting(shop) == []

    # Another gets a faster queue that goes before his own: it is switched off, and kept to be looked at.
    faster = router.api.put(
        "/queue/simple", name="for my cousin", target=f"{rows['chand']['address']}/32", max_limit="50000000/50000000"
    )
    look(shop, router, clock)
    assert faster["disabled"] == "true" and told(shop, "chand")[1:] == [("change", "confirmed")]
    assert drifting(shop) == []

    # And who owes is let out by hand: back behind the wall.
    night(shop)
    router.report()
    router.api.rows["/ip/firewall/address-list"].clear()
    look(shop, router, clock)
    router.report()
    assert router.served("asha") == WALL
    look(shop, router, clock)
    assert drifting(shop) == []


def test_what_cannot_be_put_right_stands_with_its_age_until_it_is_or_somebody_accepts_it(shop, people, router, clock):
    router.dial("bilal")
    address = router.api.rows["/ppp/active"][0]["address"]
    entry = router.api.put("/ip/firewall/address-list", list="expired", address=address)
    router.api.keeps.add(entry[".id"])  # says yes, and does not do it
    look(shop, router, clock)
    assert drifting(shop) == [("bilal", "listed")] and told(shop, "bilal") == [("unlist", "refused")]
    with shop.scope():
        since = Drift.objects.get().since
    owner = shop.isp.client("owner")
    page = owner.get(reverse("access:drift-list")).content.decode()
    assert "Held back by the router" in page and "expired" in page

    look(shop, router, clock)
    assert len(told(shop, "bilal")) == 1, "a router that does not obey is asked every half hour"
    with shop.scope():
        assert Drift.objects.get().since == since
        pk = Drift.objects.get().pk
    owner.post(f"{reverse('access:drift-list')}bulk/heal/", {"pk": [pk]})
    shop.isp.run()
    assert len(told(shop, "bilal")) == 2, "at once where somebody asks"

    with shop.scope():
        drift.accept(
            Drift.objects.get(), until=calendar.now() + timedelta(hours=3), why="The engineer looks", by=shop.boss
        )
    clock.forward(minutes=40)
    look(shop, router, clock)
    assert len(told(shop, "bilal")) == 2 and drifting(shop) == [("bilal", "listed")]

    router.api.keeps.clear()
    clock.forward(hours=3)
    look(shop, router, clock)
    assert drifting(shop) == [] and told(shop, "bilal")[-1] == ("unlist", "confirmed")


def test_a_router_that_was_away_for_an_hour_catches_up(shop, people, router, clock):
    for name in NAMES:
        router.dial(name)
    router.api.stop()
    router.ear.__exit__()
    night(shop)
    for _ in range(3):
        clock.forward(minutes=1)
        shop.isp.run()
    assert told(shop, "asha")[-1][1] in ("waiting", "unanswered")
    with shop.scope():
        services.reconcile()
    assert ("asha", "outside") in drifting(shop), "silence is not success"

    clock.forward(minutes=60)
    router.turn_on(keeps=router.api)
    with router:
        with shop.scope():
            services.reconcile()
        shop.isp.run()
        router.report()
        assert [router.served(name) for name in NAMES] == [WALL, PLAN, PLAN]
        look(shop, router, clock)
        assert drifting(shop) == []
        with shop.scope():
            wanted = {line.username: line.verdict for line in RadiusLine.objects.all()}
            assert wanted == {"asha": "walled", "bilal": "accept", "chand": "accept"}
            assert {s.username: s.behind_wall for s in LiveSession.objects.all()} == {
                "asha": True,
                "bilal": False,
                "chand": False,
            }
