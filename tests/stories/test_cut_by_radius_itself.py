"""The workers stand still: no night comes. A real FreeRADIUS refuses whoever the night would have cut, and nobody else."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from fiberledger import calendar, jobs
from fiberledger.access import services as access
from fiberledger.dunning.models import SuspensionPolicy, SuspensionRun
from fiberledger.payments.tests.shop import Shop
from tests.radius import Router


@pytest.fixture
def shop(isp, clock):
    """Ten days ago: lines are cut by themselves, the clock of this test and FreeRADIUS' own agree only about today."""
    clock.move_to(datetime.now(UTC).replace(hour=9) - timedelta(days=10))
    shop = Shop(isp)
    with shop.scope():
        # From midnight on, since today may have just begun where they are.
        SuspensionPolicy.objects.update(enabled=True, hour=0, last_run_on=calendar.today())
    night(shop)
    with shop.scope():
        jobs.enqueue("dunning.look_ahead")
    isp.run()
    return shop


def night(shop):
    with shop.scope():
        jobs.enqueue("dunning.night")
    shop.isp.run()


def connect(shop, *names):
    people = [shop.subscriber(name) for name in names]
    for who in people:
        with shop.scope():
            access.open_account(shop.line_of(who), username=who.name.lower(), password="let me in", by=shop.boss)
    return people


def test_radius_refuses_by_itself_and_accepts_again_on_payment(isp, shop, clock, freeradius):
    asha, bilal, chand = connect(shop, "Asha", "Bilal", "Chand")
    strict, mild = Router.of(freeradius, isp, for_suspended="reject"), Router.of(freeradius, isp, walled_pool="debtors")
    shop.bill(asha, "1200")
    shop.bill(bilal, "1200", due=shop.today + timedelta(days=30))
    shop.bill(chand, "1200")
    shop.pay(chand, "1200")
    isp.run()

    # From here on no job runs. Five days of grace and a night later it is today.
    clock.move_to(datetime.now(UTC))
    assert shop.line_of(asha).status == "active", "no run has come to it"
    refused = strict.login("asha", "let me in")
    assert refused.kind == "reject" and refused.attributes["Reply-Message"] == "This account is suspended."
    walled = mild.login("asha", "let me in").attributes
    assert walled["Framed-Pool"] == "debtors" and "Mikrotik-Rate-Limit" not in walled
    for name in ("bilal", "chand"):
        granted = strict.login(name, "let me in")
        assert granted.kind == "accept" and "Session-Timeout" not in granted.attributes, name

    owner = isp.client("owner")
    network = owner.get(f"/subscribers/{asha.pk}/", {"tab": "network"}).content.decode()
    assert "the nightly run has not come to it yet" in network and "This account is suspended." in network
    why = owner.get(f"/dunning/why/{shop.line_of(asha).pk}/").content.decode()
    assert "5 days of grace" in why and "RADIUS has treated the line as suspended since" in why
    assert "RADIUS has treated the line" in owner.get(f"/subscribers/{asha.pk}/").content.decode()
    assert "RADIUS has treated" not in owner.get(f"/dunning/why/{shop.line_of(bilal).pk}/").content.decode()

    url, till = f"/payments/collect/{asha.pk}/", isp.client("cashier")
    key = re.search(r'name="key" value="([0-9a-f-]{36})"', till.get(url).content.decode())[1]
    form = {"amount": "1200.00", "method": "cash", "key": key, "received_on": shop.today.isoformat()}
    assert till.post(url, form).status_code == 302
    assert strict.accepts("asha", "let me in"), "with the payment, although no worker is there"
    isp.run()
    assert strict.accepts("asha", "let me in") and shop.line_of(asha).status == "active"
    assert "has not come to it" not in owner.get(f"/subscribers/{asha.pk}/", {"tab": "network"}).content.decode()


def test_radius_cuts_nobody_behind_the_breakers_back(isp, shop, clock, freeradius):
    people = connect(shop, "Asha", "Bilal", "Chand", "Dina")
    router = Router.of(freeradius, isp, for_suspended="reject")
    for who in people:
        shop.bill(who, "1200")
    isp.run()
    with shop.scope():
        SuspensionPolicy.objects.update(breaker_least=1)
    clock.move_to(datetime.now(UTC))
    assert all(router.rejects(who.name.lower(), "let me in") for who in people), "as the rules of ten days ago had it"
    night(shop)  # the worker is back, and the breaker stops its run
    with shop.scope():
        assert SuspensionRun.objects.get().state == "stopped"
    assert all(router.accepts(who.name.lower(), "let me in") for who in people)
    night(shop)
    with shop.scope():
        jobs.enqueue("dunning.look_ahead")
    isp.run()
    assert all(router.accepts(who.name.lower(), "let me in") for who in people), "until a person has looked"
    run = re.search(r"/dunning/runs/\d+/", isp.client("owner").get("/dunning/runs/").content.decode())[0]
    assert isp.client("owner").post(f"{run}lift/").status_code == 302
    isp.run()
    assert all(router.rejects(who.name.lower(), "let me in") for who in people)
