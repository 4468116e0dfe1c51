"""A billing day over HTTP: the preview, the confirmation, the progress, the result, and an invoice in the hand."""

from __future__ import annotations

import re
from decimal import Decimal

from fiberledger.billing.models import BillingPolicy, BillingRun, Invoice


def lines_for(isp, people=("Asha", "Bilal", "Chand"), price="1200"):
    return [isp.sell(to=name, on="2026-01-15", price=price) for name in people]


def run_billing(isp, client, as_of, **form):
    """What the clerk does: open the task, ask for the preview, confirm. Returns the run's page after the jobs."""
    assert client.get("/billing/run/").status_code == 200
    asked = client.post("/billing/run/", {"as_of": as_of, "back_bill": "served", **form})
    assert asked.status_code == 302, asked.content.decode()[:2000]
    page = asked["Location"]
    preview = client.get(page)
    assert preview.status_code == 200
    started = client.post(f"{page}start/")
    assert started.status_code == 302
    assert client.get(started["Location"]).status_code == 200
    isp.run()
    return page, preview.content.decode()


def test_preview_confirm_result(isp, clock):
    clock.move_to("2026-01-15")
    lines_for(isp)
    isp.sell("Staff", to="Daud", on="2026-01-15", price="0")
    isp.sell("Home 20", to="Esha", on="2026-01-15")
    with isp.scope():
        from fiberledger.subscriptions import services as subscriptions
        from fiberledger.subscriptions.models import Subscription

        esha = Subscription.objects.get(subscriber__name="Esha")
        subscriptions.suspend([esha.pk], by=isp.system())
    client = isp.client("owner")
    page, preview = run_billing(isp, client, "2026-01-15")
    assert "3,600" in preview and "Issue 3 invoices" in preview
    assert "Price is zero" in preview and "Daud" in preview and "Suspended" in preview
    with isp.scope():
        assert Invoice.objects.count() == 3
        run = BillingRun.objects.get()
        assert (run.issued, run.skipped, run.run.state) == (3, 1, "done")
    result = client.get(page).content.decode()
    assert "3 invoices were issued" in result and "The price is zero" in result and "Daud" in result
    again = client.post(f"{page}start/")
    assert again.status_code == 302
    isp.run()
    with isp.scope():
        assert Invoice.objects.count() == 3, "a second click starts nothing"
    listed = client.get("/billing/invoices/", {"run": run.pk}).content.decode()
    assert "INV-000001" in listed and "INV-000003" in listed
    _page, preview = run_billing_preview(client, "2026-01-15")
    assert "Nobody is due" in preview


def run_billing_preview(client, as_of):
    page = client.post("/billing/run/", {"as_of": as_of, "back_bill": "served"})["Location"]
    return page, client.get(page).content.decode()


def test_an_invoice_in_the_hand(isp, clock):
    clock.move_to("2026-01-15")
    lines_for(isp, ["Asha"], "1500")
    client = isp.client("owner")
    run_billing(isp, client, "2026-01-15")
    with isp.scope():
        invoice = Invoice.objects.get()
    url = f"/billing/invoices/{invoice.pk}/"
    body = client.get(url).content.decode()
    assert "INV-000001" in body and "Why this amount" in body
    assert "The plan Home 20 costs" in body and "The whole period is charged" in body
    for tab in ("lines", "payments", "journal", "history"):
        assert client.get(url, {"tab": tab}).status_code == 200, tab
    pdf = client.get(f"{url}pdf/")
    assert pdf["Content-Type"] == "application/pdf" and pdf.content.startswith(b"%PDF")
    send = client.get(f"{url}send/").content.decode()
    assert "wa.me" in send and "INV-000001" in send
    who = f"/subscribers/{invoice.subscriber_id}/"
    found = re.findall(r'href="(/[^"]+)"', body)
    who = next((link for link in found if link.endswith(f"/{invoice.subscriber_id}/") and "billing" not in link), who)
    assert "INV-000001" in client.get(who, {"tab": "invoices"}).content.decode()
    assert "Invoice INV-000001" in client.get(who, {"tab": "ledger"}).content.decode()
    assert client.get(f"/billing/statements/{invoice.subscriber_id}/pdf/").content.startswith(b"%PDF")
    isp.pay("Asha", "500", on="2026-01-15")
    assert "Part paid" in client.get(url).content.decode()


def test_cancelling_needs_permission_and_a_reason(isp, clock):
    clock.move_to("2026-01-15")
    lines_for(isp, ["Asha"])
    run_billing(isp, isp.client("owner"), "2026-01-15")
    with isp.scope():
        invoice = Invoice.objects.get()
    url = f"/billing/invoices/{invoice.pk}/cancel/"
    assert isp.client("collector").get(url).status_code == 403
    owner = isp.client("owner")
    assert owner.post(url, {"reason": ""}).status_code == 422
    assert owner.post(url, {"reason": "wrong plan", "bill_again": "on"}).status_code == 302
    assert isp.owes("Asha") == 0
    body = owner.get(f"/billing/invoices/{invoice.pk}/").content.decode()
    assert "wrong plan" in body
    run_billing(isp, owner, "2026-01-15")
    with isp.scope():
        assert list(Invoice.objects.order_by("pk").values_list("number", "status")) == [
            ("INV-000001", "void"), ("INV-000002", "issued")]  # fmt: skip


def test_an_invoice_by_hand_over_http(isp, clock):
    clock.move_to("2026-01-15")
    asha = isp.subscriber("Asha")
    client = isp.client("owner")
    url = f"/billing/invoices/by-hand/?subscriber={asha.pk}"
    assert client.get(url).status_code == 200
    form = {
        "due_on": "2026-01-20", "note": "", "line-TOTAL_FORMS": "3", "line-INITIAL_FORMS": "0",
        "line-MIN_NUM_FORMS": "1", "line-MAX_NUM_FORMS": "30",
    }  # fmt: skip
    for n in range(3):
        form |= {f"line-{n}-text": "", f"line-{n}-quantity": "1", f"line-{n}-unit_price": "", f"line-{n}-tax": ""}
    assert client.post(url, form).status_code == 422
    form |= {"line-0-text": "Router", "line-0-quantity": "2", "line-0-unit_price": "2500"}
    assert client.post(url, form).status_code == 302
    assert isp.owes("Asha") == 5000


def test_the_rules_are_saved_and_noted(isp, clock):
    clock.move_to("2026-01-15")
    client = isp.client("owner")
    assert client.get("/billing/rules/").status_code == 200
    with isp.scope():
        policy = BillingPolicy.objects.get()
    form = {
        "due_days": "7", "number_prefix": "B-", "number_digits": "5", "pay_link": "https://pay.example/{number}",
        "billing": "postpaid", "cycle": "fixed", "anchor_day": "10", "first_period": "join", "free_days": "0",
        "back_bill": "latest", "rounding_step": "",
    }  # fmt: skip
    assert client.post("/billing/rules/", form).status_code == 302
    with isp.scope():
        policy = BillingPolicy.objects.get()
        assert (policy.due_days, policy.cycle, policy.back_bill) == (7, "fixed", "latest")
    assert client.post("/billing/rules/", form | {"anchor_day": "32"}).status_code == 422
    assert isp.client("collector").get("/billing/rules/").status_code == 403


def test_zed_sees_none_of_it(isp, zed, clock):
    clock.move_to("2026-01-15")
    lines_for(isp, ["Asha"])
    page, _preview = run_billing(isp, isp.client("owner"), "2026-01-15")
    with isp.scope():
        invoice = Invoice.objects.get()
    other = zed.client("owner")
    for url in (
        f"/billing/invoices/{invoice.pk}/", f"/billing/invoices/{invoice.pk}/pdf/",
        f"/billing/invoices/{invoice.pk}/cancel/", f"/billing/statements/{invoice.subscriber_id}/pdf/", page,
        f"{page}pdf/", f"/billing/invoices/by-hand/?subscriber={invoice.subscriber_id}",
    ):  # fmt: skip
        assert other.get(url).status_code == 404, url
    assert "INV-000001" not in other.get("/billing/invoices/").content.decode()


def test_two_months_with_advance_and_the_automatic_run(isp, clock):
    from fiberledger import jobs

    clock.move_to("2026-01-15")
    lines_for(isp, ["Asha"], "1000")
    with isp.scope():
        BillingPolicy.objects.update(is_automatic=True)
    isp.pay("Asha", "1500", on="2026-01-15")
    for day in ("2026-01-15", "2026-01-16", "2026-02-15", "2026-02-15"):
        clock.move_to(day)
        with isp.scope():
            jobs.enqueue("billing.automatic")
        isp.run()
    with isp.scope():
        assert [(i.status, i.outstanding_amount) for i in Invoice.objects.order_by("pk")] == [
            ("paid", Decimal(0)), ("part_paid", Decimal(500))]  # fmt: skip


def test_the_owner_sees_what_was_billed_and_finds_an_invoice_by_its_digits(isp, clock):
    from fiberledger.billing import palette

    clock.move_to("2026-01-15")
    lines_for(isp)
    isp.bill("2026-01-15")
    client = isp.client("owner")
    clock.move_to("2026-02-15")
    home = client.get("/").content.decode()
    assert "Pending dues" in home and "3 subscribers owe" in home and "3 lines wait to be billed" in home
    with isp.scope():
        for typed in ("2", "inv-000002", "INV-000002"):
            (hit,) = palette.find(isp.system(), typed)
            assert hit.title == "INV-000002"
        assert palette.find(isp.system(), "asha") == []
    overdue = client.get("/billing/invoices/?overdue=1&view=overdue").content.decode()
    assert "INV-000003" in overdue
    assert "INV-000002" in client.get("/billing/invoices/?q=2").content.decode()
