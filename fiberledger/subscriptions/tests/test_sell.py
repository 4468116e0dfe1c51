from datetime import date, timedelta
from decimal import Decimal

import pytest

from fiberledger import audit, calendar
from fiberledger.catalog import services as catalog
from fiberledger.identity import Actor
from fiberledger.subscriptions import services, terms
from fiberledger.subscriptions.models import PlanChange, Subscription
from fiberledger.subscriptions.services import Sale
from fiberledger.tenancy import Refusal

clerk = Actor("staff", "Clerk", permissions=frozenset({"subscriptions.sell", "subscriptions.change_plan"}))


def test_a_sale_today_is_active_and_one_to_come_is_pending(shop):
    line = shop.line()
    assert line.status == "active" and line.anchor_day == calendar.today().day and line.price is None
    assert line.monthly.amount == Decimal(2200)
    line.subscriber.refresh_from_db()
    assert line.subscriber.status == "active" and line.subscriber.installed_on == calendar.today()
    later = shop.line("Ravi", on=calendar.today() + timedelta(days=3))
    assert later.status == "pending"
    later.subscriber.refresh_from_db()
    assert later.subscriber.status == "pending" and later.subscriber.installed_on is None
    [change] = line.status_changes.all()
    assert (change.old, change.new, change.reason) == ("", "active", "sold")


def test_the_tenants_terms_fill_what_is_not_said(shop, monkeypatch):
    monkeypatch.setattr(terms, "_provider", lambda: terms.Terms("postpaid", "fixed", 5, "full"))
    line = shop.line()
    assert (line.billing, line.cycle, line.anchor_day, line.first_period) == ("postpaid", "fixed", 5, "full")
    line = shop.line("Ravi", cycle="anniversary", billing="prepaid", on=date(2026, 1, 31))
    assert (line.billing, line.cycle, line.anchor_day) == ("prepaid", "anniversary", 31)


@pytest.mark.parametrize("status", ["draft", "deprecated", "archived"])
def test_a_plan_off_sale_is_not_sold(shop, status):
    with pytest.raises(Refusal):
        shop.line(plan=shop.plan("Old", "1", status=status))


def test_a_plan_is_sold_where_it_is_offered_and_in_all_that_lies_inside(shop):
    catalog.set_availability(shop.home, areas=[shop.there], by=shop.by)
    with pytest.raises(Refusal, match="not sold in Johar Town A"):
        shop.line()
    catalog.set_availability(shop.home, areas=[shop.city], by=shop.by)
    assert shop.line("Ravi").pk
    catalog.set_availability(shop.home, branches=[shop.north], by=shop.by)
    with pytest.raises(Refusal, match="this branch"):
        shop.line("Zain")


def test_the_form_offers_what_sell_would_not_refuse(shop):
    from fiberledger.catalog.models import Plan

    catalog.set_availability(shop.home, areas=[shop.there], by=shop.by)
    catalog.set_availability(shop.fast, branches=[shop.main], by=shop.by)
    for area in (shop.here, shop.there, shop.city):
        for branch in (shop.main, shop.north, None):
            offered = set(Plan.objects.on_sale().available_in(area, branch))
            sold = {plan for plan in Plan.objects.all() if not services.why_not_sold(plan, area, branch and branch.pk)}
            assert offered == sold, (area, branch)


def test_a_price_of_ones_own_needs_permission(shop):
    asha = shop.register()
    with pytest.raises(Refusal):
        services.sell(asha, shop.home, on=calendar.today(), price=Decimal(1), by=clerk)
    assert services.sell(asha, shop.home, on=calendar.today(), price=Decimal(2200), by=clerk).price is None
    upstairs = services.sell(asha, shop.home, on=calendar.today(), price=Decimal(2000), label="upstairs", by=shop.by)
    assert upstairs.monthly.amount == 2000
    with pytest.raises(Refusal, match="less than zero"):
        services.sell(asha, shop.home, on=calendar.today(), price=Decimal(-1), label="shop", by=shop.by)


def test_a_second_line_on_the_same_plan_is_named(shop):
    line = shop.line()
    with pytest.raises(Refusal, match="label of its own"):
        services.sell(line.subscriber, shop.home, on=calendar.today(), by=shop.by)
    services.sell(line.subscriber, shop.home, on=calendar.today(), label="shop", by=shop.by)
    services.end([line], by=shop.by)
    services.sell(line.subscriber, shop.home, on=calendar.today(), by=shop.by)


def test_nothing_is_sold_to_the_archived(shop):
    line = shop.line()
    services.end([line], by=shop.by)
    with pytest.raises(Refusal, match="restore"):
        services.sell(line.subscriber, shop.home, on=calendar.today(), by=shop.by)


def test_what_was_agreed_elsewhere_is_brought_in_as_it_was(shop):
    old = shop.plan("Old 5M", "900", status="archived")
    asha = shop.register()
    sale = Sale(
        asha.pk, old.pk, date(2024, 2, 7), status="suspended", price=Decimal(850), billed_until=date(2026, 2, 7)
    )
    [pk] = services.sell_many([sale], by=clerk, reason="imported", check=False)
    line = Subscription.objects.get(pk=pk)
    assert (line.status, line.price, line.billed_until) == ("suspended", Decimal(850), date(2026, 2, 7))


def test_changing_the_plan_keeps_what_was(shop):
    line = shop.line(price=Decimal(2000))
    change = services.change_plan(line, shop.fast, by=shop.by, note="wants more")
    line.refresh_from_db()
    assert line.plan == shop.fast and line.price is None
    assert (change.old_price, change.new_price, change.on) == (Decimal(2000), Decimal(3500), calendar.today())
    assert audit.timeline("subscriptions.subscription", line.pk)[0].action == "subscription.plan_changed"
    with pytest.raises(Refusal):
        services.change_plan(line, shop.fast, by=shop.by)
    with pytest.raises(Refusal):
        services.change_plan(line, shop.fast, price=Decimal(1), by=clerk)
    with pytest.raises(Refusal):
        services.change_plan(line, shop.home, on=line.started_on - timedelta(days=1), by=shop.by)
    services.end([line], by=shop.by)
    with pytest.raises(Refusal):
        services.change_plan(line, shop.home, by=shop.by)
    assert PlanChange.objects.filter(subscription=line).count() == 1
