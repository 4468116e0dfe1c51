"""A late payer's February over HTTP: late, warned, cut, asked why, paid, back."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from fiberledger import jobs
from fiberledger.dunning.models import Exemption, SuspensionPolicy, SuspensionRun
from fiberledger.payments.tests.shop import Shop


@pytest.fixture
def shop(isp, clock):
    clock.move_to("2026-01-31")
    return Shop(isp)


def night(shop):
    with shop.scope():
        jobs.enqueue("dunning.night")
    shop.isp.run()


def test_a_late_payer_is_suspended_and_comes_back_on_payment(shop, clock):
    asha = shop.subscriber("Asha")
    shop.bill(asha, "1200")
    owner, till = shop.isp.client("owner"), shop.isp.client("cashier")
    form = {
        "enabled": "on", "hour": "3", "grace_days": "5", "exempt_vip": "on", "least_owed": "0", "resume": "paid",
        "remind_before_days": "2", "breaker_percent": "25", "breaker_least": "10",
    }  # fmt: skip
    assert owner.get("/dunning/settings/").status_code == 200
    assert owner.post("/dunning/settings/", form).status_code == 302
    clock.move_to("2026-02-05")
    night(shop)
    assert shop.line_of(asha).status == "overdue"
    clock.move_to("2026-02-06")
    seen = owner.get("/dunning/preview/").content.decode()
    assert "Asha" in seen and "1 line" in seen
    night(shop)
    line = shop.line_of(asha)
    assert line.status == "suspended"
    why = owner.get(f"/dunning/why/{line.pk}/").content.decode()
    assert "5 days of grace" in why and "31 January 2026" in why and "1,200" in why
    url = f"/payments/collect/{asha.pk}/"
    key = re.search(r'name="key" value="([0-9a-f-]{36})"', till.get(url).content.decode())[1]
    till.post(url, {"amount": "1200.00", "method": "cash", "key": key, "received_on": "2026-02-06"})
    shop.isp.run()
    assert shop.line_of(asha).status == "active" and shop.owes(asha) == 0
    assert "back on" in owner.get("/notices/outbox/").content.decode()


def test_a_street_is_suspended_by_hand(shop, clock):
    here, there = shop.subscriber("Here"), shop.subscriber("There", area=shop.other_street)
    for who in (here, there):
        shop.bill(who, "100")
    owner = shop.isp.client("owner")
    seen = owner.get("/dunning/preview/", {"mode": "owing", "area": shop.street.pk})
    assert seen.status_code == 200 and ">Here<" in seen.content.decode() and ">There<" not in seen.content.decode()
    started = owner.post(
        "/dunning/start/", {"mode": "owing", "area": shop.street.pk, "branch": "", "note": "asked twice"}
    )
    assert started.status_code == 302
    assert owner.get(started["Location"]).status_code == 200
    shop.isp.run()
    assert (shop.line_of(here).status, shop.line_of(there).status) == ("suspended", "active")
    progress = owner.get(started["Location"]).content.decode()
    assert "1 line cut" in progress, "the progress page ends with the result and the way there"
    with shop.scope():
        run = SuspensionRun.objects.get()
    result = owner.get(f"/dunning/runs/{run.pk}/").content.decode()
    assert "Here" in result and "asked twice" in result
    assert shop.isp.client("cashier").post("/dunning/start/", {"mode": "owing"}).status_code == 403


def test_the_breaker_waits_for_a_person(shop, clock):
    people = [shop.subscriber(f"P{n}") for n in range(4)]
    for who in people:
        shop.bill(who, "100")
    with shop.scope():
        SuspensionPolicy.objects.update(enabled=True, breaker_least=1, breaker_percent=Decimal(25))
    clock.move_to("2026-02-06")
    night(shop)
    owner = shop.isp.client("owner")
    with shop.scope():
        run = SuspensionRun.objects.get()
    assert run.state == "stopped" and {shop.line_of(who).status for who in people} == {"overdue"}
    page = owner.get(f"/dunning/runs/{run.pk}/").content.decode()
    assert "Let it go on" in page and "4" in page
    assert "stopped" in owner.get("/").content.decode(), "and the dashboard says so"
    assert owner.post(f"/dunning/runs/{run.pk}/lift/").status_code == 302
    shop.isp.run()
    assert {shop.line_of(who).status for who in people} == {"suspended"}


def test_sparing_and_forgiving(shop, clock):
    asha = shop.subscriber("Asha")
    shop.bill(asha, "100")
    owner = shop.isp.client("owner")
    clock.move_to("2026-02-06")
    assert owner.get(f"/dunning/exempt/{asha.pk}/").status_code == 200
    assert (
        owner.post(f"/dunning/exempt/{asha.pk}/", {"until": "2026-02-10", "why": "pays on the 10th"}).status_code == 302
    )
    seen = owner.get("/dunning/preview/").content.decode()
    assert "pays on the 10th" in seen
    assert "pays on the 10th" in owner.get("/dunning/exemptions/").content.decode()
    with shop.scope():
        exemption = Exemption.objects.get()
    assert owner.post(f"/dunning/exemptions/{exemption.pk}/end/").status_code == 302
    owner.post("/dunning/start/", {"mode": "policy"})
    shop.isp.run()
    assert shop.line_of(asha).status == "suspended"
    card = owner.get(f"/subscribers/{asha.pk}/").content.decode()
    assert "days of grace" in card, "why, on the subscriber's own page"
    assert owner.post(f"/dunning/forgive/{asha.pk}/", {"until": "2026-02-08", "why": "wedding"}).status_code == 302
    assert shop.line_of(asha).status == "overdue"


def test_grace_by_area_over_http(shop):
    owner = shop.isp.client("owner")
    assert owner.get("/dunning/grace/").status_code == 200
    assert owner.post("/dunning/grace/new/", {"area": shop.street.pk, "days": "12"}).status_code == 302
    assert "12" in owner.get("/dunning/settings/").content.decode()


def test_pages_are_for_those_who_may(shop):
    till = shop.isp.client("cashier")
    for url in ("/dunning/preview/", "/dunning/runs/", "/dunning/settings/"):
        assert till.get(url).status_code == 403, url
