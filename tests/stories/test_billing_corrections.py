"""What goes wrong in a billing month and is put right over HTTP: nothing is lost by it, and nothing is charged twice."""

from __future__ import annotations

from decimal import Decimal

from fiberledger import ledger
from fiberledger.billing.models import Invoice
from fiberledger.subscriptions import services as subscriptions
from fiberledger.subscriptions.models import Subscription

from .test_billing_day import run_billing


def charged(isp, name="Asha"):
    """[(status, {kind: amount})] of each of their invoices, in order."""
    with isp.scope():
        found = Invoice.objects.filter(subscriber__name=name).order_by("pk").prefetch_related("lines")
        return [(i.status, {line.kind: line.total for line in i.lines.all()}) for i in found]


def void(isp, client, *, bill_again=True):
    with isp.scope():
        pk = Invoice.objects.order_by("-pk").values_list("pk", flat=True).first()
    form = {"reason": "wrong name"} | ({"bill_again": "on"} if bill_again else {})
    assert client.post(f"/billing/invoices/{pk}/cancel/", form).status_code == 302


def test_a_first_invoice_billed_again_asks_for_installation_and_deposit_again(isp, clock):
    clock.move_to("2026-01-15")
    owner = isp.client("owner")
    isp.plan("Home 20", "1200", installation_fee=Decimal(500), deposit=Decimal(1000))
    isp.sell("Home 20", to="Asha", on="2026-01-15")
    run_billing(isp, owner, "2026-01-15")
    first = {"plan": 1200, "installation": 500, "deposit": 1000}
    assert charged(isp) == [("issued", first)]
    void(isp, owner)
    run_billing(isp, owner, "2026-01-15")
    assert charged(isp) == [("void", first), ("issued", first)] and isp.owes("Asha") == 2700
    run_billing(isp, owner, "2026-02-15")
    assert charged(isp)[2] == ("issued", {"plan": 1200}), "asked for once"


def test_an_invoice_billed_again_charges_the_change_of_plan_again(isp, clock):
    clock.move_to("2026-11-01")
    owner = isp.client("owner")
    line = isp.sell("Home 20", to="Asha", on="2026-11-01")
    run_billing(isp, owner, "2026-11-01")
    clock.move_to("2026-11-16")
    faster = isp.plan("Fast", "2400")
    form = {"plan": faster.pk, "when": "now", "on": "2026-11-16"}
    assert owner.post(f"/subscriptions/{line.pk}/change-plan/", form).status_code == 302
    clock.move_to("2026-12-01")
    run_billing(isp, owner, "2026-12-01")
    second = {"plan": 2400, "change": 600}
    assert charged(isp)[1] == ("issued", second)
    void(isp, owner)
    run_billing(isp, owner, "2026-12-01")
    assert charged(isp)[1:] == [("void", second), ("issued", second)]
    void(isp, owner, bill_again=False)
    run_billing(isp, owner, "2027-01-01")
    assert charged(isp)[3] == ("issued", {"plan": 2400}), "what was cancelled for good does not come back"
    with isp.scope():
        assert ledger.verify() == []


def test_a_postpaid_line_that_is_cut_is_billed_for_what_it_served_and_for_no_more(isp, clock):
    clock.move_to("2026-11-01")
    owner = isp.client("owner")
    line = isp.sell("Home 20", to="Asha", on="2026-11-01", billing="postpaid")
    clock.move_to("2026-11-20")
    with isp.scope():
        subscriptions.hold([line.pk], by=isp.system())
    clock.move_to("2026-12-05")
    run_billing(isp, owner, "2026-12-05")
    assert charged(isp) == [("issued", {"plan": 760})], "19 of 30 days"
    clock.move_to("2027-02-05")
    run_billing(isp, owner, "2027-02-05")
    assert len(charged(isp)) == 1, "nothing served, nothing billed"
    clock.move_to("2027-02-15")
    with isp.scope():
        subscriptions.resume([line.pk], by=isp.system())
    clock.move_to("2027-03-01")
    run_billing(isp, owner, "2027-03-01")
    assert charged(isp)[1:] == [("issued", {"plan": 600})], "14 of 28 days"


def test_a_line_that_never_came_into_service_still_owes_its_installation_when_it_does(isp, clock):
    clock.move_to("2026-11-01")
    owner = isp.client("owner")
    isp.plan("Home 20", "1200", installation_fee=Decimal(500))
    line = isp.sell("Home 20", to="Asha", on="2026-11-01", billing="postpaid", status="pending")
    with isp.scope():
        subscriptions.hold([line.pk], by=isp.system())
    clock.move_to("2026-12-10")
    run_billing(isp, owner, "2026-12-10")
    with isp.scope():
        assert Subscription.objects.get(pk=line.pk).billed_until is None
        subscriptions.resume([line.pk], by=isp.system())
    clock.move_to("2027-01-10")
    run_billing(isp, owner, "2027-01-10")
    assert charged(isp)[0][1]["installation"] == 500


def test_a_second_click_makes_no_second_invoice_by_hand_and_no_second_line(isp, clock):
    clock.move_to("2026-11-10")
    owner, asha, plan = isp.client("owner"), isp.subscriber("Asha"), isp.plan("Home 20", "1200")
    form = {
        "due_on": "2026-11-20", "note": "", "line-TOTAL_FORMS": "1", "line-INITIAL_FORMS": "0", "line-MIN_NUM_FORMS": "1",
        "line-MAX_NUM_FORMS": "30", "line-0-text": "Router", "line-0-quantity": "1", "line-0-unit_price": "2500",
        "line-0-tax": "",
    }  # fmt: skip
    url = f"/billing/invoices/by-hand/?subscriber={asha.pk}"
    assert owner.post(url, form).status_code == 302
    again = owner.post(url, form)
    assert again.status_code == 422 and "INV-000001" in again.content.decode() and isp.owes("Asha") == 2500
    assert owner.post(url, form | {"again": "on"}).status_code == 302 and isp.owes("Asha") == 5000
    clock.forward(minutes=11)
    assert owner.post(url, form).status_code == 302 and isp.owes("Asha") == 7500

    sale = {
        "plan": plan.pk, "on": "2026-11-10", "billing": "prepaid", "cycle": "anniversary", "first_period": "prorate",
    }  # fmt: skip
    url = f"/subscriptions/of/{asha.pk}/sell/"
    assert owner.post(url, sale).status_code == 302
    again = owner.post(url, sale)
    assert again.status_code == 422 and "label of its own" in again.content.decode()
    assert owner.post(url, sale | {"label": "shop"}).status_code == 302
    with isp.scope():
        assert Subscription.objects.filter(subscriber=asha).count() == 2


def test_a_plan_changes_today_or_has_changed_but_not_on_a_day_to_come(isp, clock):
    clock.move_to("2026-11-01")
    line = isp.sell("Home 20", to="Asha", on="2026-11-01")
    faster, owner, url = isp.plan("Fast", "2400"), isp.client("owner"), f"/subscriptions/{line.pk}/change-plan/"
    ahead = owner.post(url, {"plan": faster.pk, "when": "now", "on": "2026-12-15"})
    assert ahead.status_code == 422 and "cannot lie ahead" in ahead.content.decode()
    assert owner.post(url, {"plan": faster.pk, "when": "now", "on": "2026-11-01", "price": "99.999"}).status_code == 422
    assert (
        owner.post(url, {"plan": faster.pk, "when": "now", "on": "2026-11-01", "price": "1.999,50"}).status_code == 302
    )
    with isp.scope():
        assert Subscription.objects.get(pk=line.pk).price == Decimal("1999.5")
