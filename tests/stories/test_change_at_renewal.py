"""A change of plan at the renewal: what it costs is said first, it waits in sight, and is made before the period is billed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fiberledger import calendar
from fiberledger.billing.models import Invoice
from fiberledger.catalog.models import Plan
from fiberledger.subscriptions import planned
from fiberledger.subscriptions.models import PlanChange, PlannedChange, Subscription
from fiberledger.tenancy import Refusal


def ask(isp, line, plan, when="renewal", **more):
    form = {"plan": plan.pk, "when": when, "on": calendar.now().date().isoformat(), "price": "", **more}
    return isp.client("owner").post(f"/subscriptions/{line.pk}/change-plan/", form)


def billed(isp, day):
    ids = isp.bill(day)
    with isp.scope():
        return [[(row.kind, row.total) for row in Invoice.objects.get(pk=pk).lines.all()] for pk in ids]


def test_what_it_would_cost_is_said_and_nothing_happens(isp, clock):
    clock.move_to("2026-01-01")
    line, fast = isp.sell(on="2026-01-01"), isp.plan("Fiber 50", "2750")
    isp.bill("2026-01-01")
    clock.move_to("2026-01-17")
    page = ask(isp, line, fast, preview="1")
    text = page.content.decode()
    assert page.status_code == 200
    assert (
        "2,750.00 instead of" in text and "750.00 for the days that are billed already" in text
    )  # 15 of 31 days of 1,550
    assert "At the renewal, on 1 Feb 2026" in text
    with isp.scope():
        assert not PlannedChange.objects.exists() and not PlanChange.objects.exists()
    assert ask(isp, line, fast, when="now").status_code == 302
    clock.move_to("2026-02-01")
    assert billed(isp, "2026-02-01") == [[("plan", Decimal(2750)), ("change", Decimal(750))]], "as it was said"


def test_it_waits_in_sight_and_begins_with_the_period(isp, clock):
    clock.move_to("2026-01-01")
    line, small = isp.sell(on="2026-01-01"), isp.plan("Home 5", "800")
    isp.bill("2026-01-01")
    clock.move_to("2026-01-17")
    assert ask(isp, line, small).status_code == 302
    assert ask(isp, line, small).status_code == 422, "one waits already"
    page = isp.client("owner").get(f"/subscribers/{line.subscriber_id}/", {"tab": "lines"}).content.decode()
    assert "Changes to Home 5" in page and "Cancel the change" in page
    assert billed(isp, "2026-02-05") == [], "billed ahead it would be charged at the old price"
    with isp.scope():
        assert Subscription.objects.get().plan.name == "Home 20"
    clock.move_to("2026-02-01")
    assert billed(isp, "2026-02-01") == [[("plan", Decimal(800))]], "made before it is billed, without a difference"
    with isp.scope():
        change = PlanChange.objects.get()
        assert (str(change.on), change.new_price) == ("2026-02-01", 800)
        assert PlannedChange.objects.get().state == "done"
        assert planned.carry_out() == 0, "once"


def test_a_postpaid_line_pays_the_old_price_for_the_old_period(isp, clock):
    clock.move_to("2026-01-01")
    line, fast = isp.sell(on="2026-01-01", billing="postpaid"), isp.plan("Fiber 50", "2400")
    clock.move_to("2026-01-17")
    assert ask(isp, line, fast).status_code == 302
    clock.move_to("2026-02-01")
    assert billed(isp, "2026-02-01") == [[("plan", Decimal(1200))]]
    clock.move_to("2026-03-01")
    assert billed(isp, "2026-03-01") == [[("plan", Decimal(2400))]]


def test_it_is_cancelled_by_whoever_may_change_plans(isp, clock):
    clock.move_to("2026-01-01")
    line, small = isp.sell(on="2026-01-01"), isp.plan("Home 5", "800")
    isp.bill("2026-01-01")
    assert ask(isp, line, small).status_code == 302
    with isp.scope():
        waiting = PlannedChange.objects.get()
    url = f"/subscriptions/planned-changes/{waiting.pk}/cancel/"
    assert isp.client("cashier").post(url).status_code == 403
    assert isp.client("owner").post(url).status_code == 302
    clock.move_to("2026-02-01")
    assert billed(isp, "2026-02-01") == [[("plan", Decimal(1200))]]
    with isp.scope(), pytest.raises(Refusal, match="carried out or cancelled"):
        planned.cancel(waiting, by=isp.system())


def test_what_cannot_be_had_any_more_is_refused_with_the_reason(isp, clock):
    clock.move_to("2026-01-01")
    line, small = isp.sell(on="2026-01-01"), isp.plan("Home 5", "800")
    isp.bill("2026-01-01")
    assert ask(isp, line, small).status_code == 302
    with isp.scope():
        Plan.objects.filter(pk=small.pk).update(status="archived")
    clock.move_to("2026-02-01")
    assert billed(isp, "2026-02-01") == [[("plan", Decimal(1200))]], "the line keeps what it has"
    page = isp.client("owner").get(f"/subscribers/{line.subscriber_id}/", {"tab": "lines"}).content.decode()
    assert "could not be made" in page and "not on sale" in page
