"""What a line takes besides its plan, over HTTP and a moving clock: sold once, billed as agreed, ended, and paid no more."""

from __future__ import annotations

import re
from decimal import Decimal
from ipaddress import ip_network

from fiberledger.access import services as access
from fiberledger.access.models import AccessAccount
from fiberledger.billing.models import BilledAddOn, Invoice
from fiberledger.catalog.models import AddOn, TaxRate
from fiberledger.ipam import services as ipam
from fiberledger.ipam.models import Holding, Prefix
from fiberledger.ledger.models import Posting
from fiberledger.subscriptions.models import SoldAddOn

ADD_ONS = {
    "10 GB": {"kind": "data", "mb": 10_000, "price": "300"},
    "Turbo": {"kind": "speed", "hours": 6, "download_kbps": 50_000, "upload_kbps": 50_000, "price": "150"},
    "Fixed address": {"kind": "address", "every_period": True, "is_public": True, "price": "310"},
    "ONU rent": {"kind": "service", "every_period": True, "price": "93"},
}


def catalogue(isp, **tax):
    with isp.scope():
        rate = TaxRate.objects.create(**tax) if tax else None
        for name, fields in ADD_ONS.items():
            fields = fields | {"price": Decimal(fields["price"])}
            AddOn.objects.create(name=name, code=name, currency="PKR", tax=rate, **fields)
        for network in ("203.0.113.0/24", "203.0.113.8/29"):
            ipam.save_prefix(Prefix(network=ip_network(network), role="public"), by=isp.system())


def form_of(client, line):
    page = client.get(f"/subscriptions/{line.pk}/add-ons/sell/")
    assert page.status_code == 200
    return {"key": re.search(r'name="key" value="([^"]+)"', page.content.decode()).group(1)}


def sell(isp, line, name, *, role="owner", form=None, **more):
    client = isp.client(role)
    with isp.scope():
        what = AddOn.objects.get(name=name)
    form = form or form_of(client, line)
    return client.post(f"/subscriptions/{line.pk}/add-ons/sell/", {**form, "add_on": what.pk, **more})


def lines_of(isp, invoice_id):
    with isp.scope():
        return [
            (line.kind, line.total) for line in Invoice.objects.get(pk=invoice_id).lines.all() if line.kind == "add_on"
        ]


def test_a_top_up_is_sold_once_and_asked_for_at_once(isp, clock):
    clock.move_to("2026-01-15")
    catalogue(isp, name="GST", percent=Decimal(15))
    line = isp.sell(on="2026-01-15")
    form = form_of(isp.client("owner"), line)
    for _click in range(2):
        assert sell(isp, line, "10 GB", form=form).status_code == 302
    with isp.scope():
        sold, invoice = SoldAddOn.objects.get(), Invoice.objects.get()
        assert (invoice.kind, invoice.total, invoice.tax) == ("add_on", Decimal(345), Decimal(45))
        assert invoice.subscription_id == line.pk and invoice.period_start is None
        [printed] = invoice.lines.all()
        assert printed.text == "10 GB, until 15 Feb 2026, 00:00" and printed.tax_name == "GST"
        booked = {
            posting.account.role: posting.amount
            for posting in Posting.objects.filter(entry=invoice.entry).select_related("account")
        }
        assert booked == {"receivable": 345, "sales": -300, "tax_payable": -45}
    page = isp.client("owner").get(f"/billing/invoices/{invoice.pk}/").content.decode()
    assert "The add-on 10 GB costs" in page and "once" in page
    listed = isp.client("owner").get(f"/subscribers/{line.subscriber_id}/", {"tab": "lines"}).content.decode()
    assert "10 GB" in listed and str(sold.pk)
    assert isp.bill("2026-01-15"), "the plan is billed as ever"
    with isp.scope():
        regular = Invoice.objects.get(kind="regular")
        assert [row.kind for row in regular.lines.all()] == ["plan"], "what is paid once stands on no later invoice"


def test_money_paid_ahead_pays_a_top_up(isp, clock):
    clock.move_to("2026-01-15")
    catalogue(isp)
    line = isp.sell(on="2026-01-15")
    isp.pay("Asha", "500")
    assert sell(isp, line, "10 GB").status_code == 302
    with isp.scope():
        assert Invoice.objects.get().status == "paid"
    assert isp.owes("Asha") == -200


def test_a_fixed_address_is_billed_every_month_until_it_ends(isp, clock):
    clock.move_to("2026-01-01")
    catalogue(isp)
    line = isp.sell(on="2026-01-01")
    isp.bill("2026-01-01")
    clock.move_to("2026-01-11")
    assert sell(isp, line, "Fixed address", detail="203.0.113.5").status_code == 302
    with isp.scope():
        assert Invoice.objects.count() == 1, "it is charged with the next invoice, not now"
        sold = SoldAddOn.objects.get()
        assert sold.detail == "203.0.113.5"
    clock.move_to("2026-02-01")
    [february] = isp.bill("2026-02-01")
    # 21 of January's 31 days that were billed before it was sold, and February
    assert lines_of(isp, february) == [("add_on", Decimal(210)), ("add_on", Decimal(310))]
    page = isp.client("owner").get(f"/billing/invoices/{february}/").content.decode()
    assert "The add-on Fixed address costs" in page and "11 Jan 2026" in page
    for month in ("2026-03-01", "2026-04-01"):
        clock.move_to(month)
        [bill] = isp.bill(month)
        assert lines_of(isp, bill) == [("add_on", Decimal(310))]
    clock.move_to("2026-04-20")
    owner = isp.client("owner")
    assert owner.get(f"/subscriptions/add-ons/{sold.pk}/end/").status_code == 200
    assert owner.post(f"/subscriptions/add-ons/{sold.pk}/end/", {"reason": "moved"}).status_code == 302
    clock.move_to("2026-05-01")
    [may] = isp.bill("2026-05-01")
    assert lines_of(isp, may) == []
    with isp.scope():
        assert Posting.objects.filter(account__role="sales", amount__lt=0).count() == 5


def test_a_fixed_address_is_found_set_on_the_account_and_let_go(isp, clock):
    clock.move_to("2026-01-15")
    catalogue(isp)
    asha, bilal = isp.sell(on="2026-01-15"), isp.sell(to="Bilal", on="2026-01-15")
    with isp.scope():
        access.open_account(asha, username="asha", by=isp.system())
    assert sell(isp, asha, "Fixed address").status_code == 302
    isp.run()
    with isp.scope():
        sold = SoldAddOn.objects.get()
        assert sold.detail == "203.0.113.9" == AccessAccount.objects.get().static_ip
    taken = sell(isp, bilal, "Fixed address", detail="203.0.113.9")
    assert taken.status_code == 422 and "203.0.113.9 is held by" in taken.content.decode()
    typed = sell(isp, bilal, "Fixed address", detail="203.0.113")
    assert typed.status_code == 422 and "Write an address such as" in typed.content.decode()
    with isp.scope():
        assert SoldAddOn.objects.count() == 1, "what was refused was not sold"
    ended = isp.client("owner").post(f"/subscriptions/add-ons/{sold.pk}/end/", {"on": "2026-01-20"})
    assert ended.status_code == 302
    isp.run()
    with isp.scope():
        assert Holding.objects.current().count() == 1, "it is theirs until that day"
    clock.move_to("2026-01-20")
    isp.run()
    with isp.scope():
        assert not Holding.objects.current().exists()
        assert AccessAccount.objects.get().static_ip is None
    assert sell(isp, bilal, "Fixed address", detail="203.0.113.9").status_code == 302


def test_an_invoice_billed_again_asks_for_the_add_on_again_and_only_once(isp, clock):
    clock.move_to("2026-01-01")
    catalogue(isp)
    line = isp.sell(on="2026-01-01")
    isp.bill("2026-01-01")
    clock.move_to("2026-01-11")
    sell(isp, line, "Fixed address")
    clock.move_to("2026-02-01")
    [first] = isp.bill("2026-02-01")
    owner = isp.client("owner")
    cancelled = owner.post(f"/billing/invoices/{first}/cancel/", {"reason": "wrong", "bill_again": "on"})
    assert cancelled.status_code == 302
    [second] = isp.bill("2026-02-01")
    assert lines_of(isp, second) == lines_of(isp, first) != []
    assert isp.bill("2026-02-01") == []
    with isp.scope():
        days = BilledAddOn.objects.order_by("period_start").values_list("period_start", "period_end")
        assert [(str(start), str(end)) for start, end in days] == [
            ("2026-01-11", "2026-02-01"), ("2026-02-01", "2026-03-01")]  # fmt: skip


def test_days_on_hold_are_not_charged_and_not_charged_later(isp, clock):
    from fiberledger.subscriptions import services as subscriptions

    clock.move_to("2026-01-01")
    catalogue(isp)
    line = isp.sell(on="2026-01-01")
    sell(isp, line, "ONU rent")
    [january] = isp.bill("2026-01-01")
    assert lines_of(isp, january) == [("add_on", Decimal(93))]
    clock.move_to("2026-01-20")
    with isp.scope():
        subscriptions.hold([line], by=isp.system())
    clock.move_to("2026-03-16")
    with isp.scope():
        subscriptions.resume([line], by=isp.system())
    [march] = isp.bill("2026-03-16")
    assert lines_of(isp, march) == [("add_on", Decimal(48))], "16 of 31 days"
    clock.move_to("2026-04-01")
    [april] = isp.bill("2026-04-01")
    assert lines_of(isp, april) == [("add_on", Decimal(93))]


def test_two_boosts_follow_each_other(isp, clock):
    clock.move_to("2026-01-15")
    catalogue(isp)
    line = isp.sell(on="2026-01-15")
    for _time in range(2):
        assert sell(isp, line, "Turbo").status_code == 302
    with isp.scope():
        first, second = SoldAddOn.objects.order_by("pk")
        assert second.starts_at == first.ends_at
        assert Invoice.objects.filter(kind="add_on").count() == 2, "two sales are two"


def test_who_may_sell_and_at_which_price(isp, clock):
    clock.move_to("2026-01-15")
    catalogue(isp)
    line = isp.sell(on="2026-01-15")
    assert isp.client("collector").get(f"/subscriptions/{line.pk}/add-ons/sell/").status_code == 403
    cashier = form_of(isp.client("cashier"), line)
    assert sell(isp, line, "10 GB", role="cashier", form=cashier, price="1").status_code == 302
    with isp.scope():
        assert SoldAddOn.objects.get().price == 300, "a price that was not asked for is not listened to"
    assert sell(isp, line, "ONU rent", price="50").status_code == 302
    with isp.scope():
        assert SoldAddOn.objects.get(name="ONU rent").price == 50
