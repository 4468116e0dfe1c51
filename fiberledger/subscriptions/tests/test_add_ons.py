"""What a line takes besides its plan: sold once a key, as agreed, for as long as it says."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from fiberledger import calendar
from fiberledger.catalog.models import AddOn
from fiberledger.identity import Actor
from fiberledger.subscribers.states import Status
from fiberledger.subscriptions import services
from fiberledger.subscriptions.add_ons import end_add_on, sell_add_on
from fiberledger.subscriptions.models import SoldAddOn
from fiberledger.tenancy import Refusal


def add_on(name="10 GB", kind="data", price="300", **fields):
    defaults = {
        "data": {"mb": 10_000},
        "speed": {"hours": 6, "download_kbps": 50_000, "upload_kbps": 50_000},
        "address": {"every_period": True},
        "service": {},
    }[kind]
    return AddOn.objects.create(
        name=name, code=name, kind=kind, price=Decimal(price), currency="PKR", **(defaults | fields)
    )


def sell(line, what, by, **more):
    return sell_add_on(line, what, key=more.pop("key", None) or uuid4(), by=by, **more)


def test_a_second_click_sells_nothing_more(shop):
    line, what, key = shop.line(), add_on(), uuid4()
    first = sell(line, what, shop.by, key=key)
    assert sell(line, what, shop.by, key=key) == first
    assert SoldAddOn.objects.count() == 1


def test_what_was_agreed_stays_whatever_the_catalogue_says_later(shop):
    line, what = shop.line(), add_on()
    sold = sell(line, what, shop.by)
    AddOn.objects.filter(pk=what.pk).update(price=999, mb=1, name="Other")
    sold.refresh_from_db()
    assert (sold.price, sold.mb, sold.name) == (Decimal(300), 10_000, "10 GB")
    for change in ({"price": 1}, {"mb": 1}, {"starts_at": calendar.now()}, {"every_period": True}):
        with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
            SoldAddOn.objects.filter(pk=sold.pk).update(**change)


def test_a_top_up_lasts_to_the_end_of_the_period_or_its_hours(shop, clock):
    clock.move_to("2026-01-10")
    line = shop.line()
    clock.move_to("2026-02-03")
    assert sell(line, add_on(), shop.by).ends_at == calendar.start_of_day(calendar.today().replace(day=10))
    day = sell(line, add_on("Day pack", hours=24), shop.by)
    assert day.ends_at == calendar.now() + timedelta(hours=24)
    monthly = sell(line, add_on("Monthly 5 GB", every_period=True), shop.by)
    assert monthly.ends_at is None


def test_a_second_boost_follows_the_first(shop, clock):
    clock.move_to("2026-01-10")
    line, turbo = shop.line(), add_on("Turbo", "speed")
    first = sell(line, turbo, shop.by)
    clock.forward(hours=2)
    second = sell(line, turbo, shop.by)
    assert second.starts_at == first.ends_at
    assert second.ends_at == first.ends_at + timedelta(hours=6)
    assert second.waits and list(line.add_ons.running(calendar.now())) == [first]
    clock.forward(hours=5)
    assert list(line.add_ons.running(calendar.now())) == [second]
    clock.forward(hours=9)
    assert sell(line, turbo, shop.by).starts_at == calendar.now()


@pytest.mark.parametrize(
    ("kind", "fields", "status", "says"),
    [
        ("data", {"status": "archived"}, None, "not on sale"),
        ("data", {"currency": "USD"}, None, "priced in USD"),
        ("data", {}, Status.SUSPENDED, "run out unused"),
        ("speed", {"download_kbps": 20_000, "upload_kbps": 10_000}, None, "no faster"),
        ("service", {}, Status.TERMINATED, "has ended"),
    ],
)
def test_what_makes_no_sense_is_refused(shop, kind, fields, status, says):
    line = shop.line()
    currency = fields.pop("currency", "PKR")
    what = add_on(kind=kind, **fields)
    AddOn.objects.update(currency=currency)
    if status:
        services.set_status([line], status, reason="other", by=shop.by)
    with pytest.raises(Refusal, match=says):
        sell(line, what, shop.by)
    assert not SoldAddOn.objects.exists()


def test_one_fixed_address_a_line(shop):
    line, fixed = shop.line(), add_on("Fixed", "address")
    with pytest.raises(Refusal, match="No address is free"):
        sell(line, fixed, shop.by)
    first = sell(line, fixed, shop.by, detail="192.0.2.1")
    with pytest.raises(Refusal, match="fixed address already"):
        sell(line, fixed, shop.by, detail="192.0.2.2")
    end_add_on(first, by=shop.by)
    sell(line, fixed, shop.by, detail="192.0.2.2")


def test_another_price_needs_permission(shop):
    line, what = shop.line(), add_on()
    clerk = Actor("staff", "Clerk", permissions=frozenset({"subscriptions.sell_add_ons"}))
    with pytest.raises(Refusal, match="may not give a price"):
        sell(line, what, clerk, price=Decimal(1))
    assert sell(line, what, clerk, price=Decimal(300)).price == 300
    for bad in ("-1", "NaN", "1.005"):
        with pytest.raises(Refusal):
            sell(line, what, shop.by, price=Decimal(bad))
    assert sell(line, what, shop.by, price=Decimal(1)).price == 1


def test_it_ends_now_or_on_a_day_to_come_and_with_its_line(shop, clock):
    clock.move_to("2026-01-10")
    line = shop.line()
    rent = sell(line, add_on("Rent", "service", every_period=True), shop.by)
    with pytest.raises(Refusal, match="day past"):
        end_add_on(rent, by=shop.by, on=calendar.today() - timedelta(days=1))
    later = calendar.today() + timedelta(days=5)
    assert end_add_on(rent, by=shop.by, on=later).ends_at == calendar.start_of_day(later)
    assert end_add_on(rent, by=shop.by, reason="gave it back").ends_at == calendar.now()
    with pytest.raises(Refusal, match="ended already"):
        end_add_on(rent, by=shop.by)
    second = sell(line, add_on("Cable", "service", every_period=True), shop.by)
    services.end([line], by=shop.by)
    second.refresh_from_db()
    assert second.is_over and second.end_reason


def test_listeners_are_woken_again_when_a_boost_ends(shop, clock, isp):
    from fiberledger import jobs
    from fiberledger.subscriptions.events import AddOnsChanged

    clock.move_to("2026-01-10")
    line = shop.line()
    sell(line, add_on("Turbo", "speed"), shop.by)
    told = jobs.listeners[AddOnsChanged]
    assert told
    isp.run()
    clock.forward(hours=5)
    assert isp.run() == 0
    clock.forward(hours=1)
    assert isp.run() == 1 + len(told)
