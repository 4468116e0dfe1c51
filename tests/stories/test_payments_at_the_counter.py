"""The counter's day over HTTP: find, take, print, send, reverse, close."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from urllib.parse import unquote

import pytest

from fiberledger.notices.models import Notice
from fiberledger.payments.models import CashClosing, Payment
from fiberledger.payments.tests.shop import Shop, at_once


@pytest.fixture
def shop(isp):
    return Shop(isp)


def key_of(page) -> str:
    return re.search(r'name="key" value="([0-9a-f-]{36})"', page.content.decode())[1]


def form(page, amount, **more):
    return {"amount": amount, "method": "cash", "key": key_of(page), "received_on": more.pop("on"), **more}


def test_three_interactions_from_anywhere(shop):
    asha = shop.subscriber("Asha Kumari")
    shop.subscriber("Asif Khan")
    invoice = shop.bill(asha, "1500")
    till = shop.isp.client("cashier")
    today = shop.today.isoformat()

    # 1. find: two are meant by a name, one by any part of the phone
    found = till.get("/payments/collect/", {"q": "as"})
    assert found.status_code == 200 and b"Asha Kumari" in found.content and b"Asif Khan" in found.content
    page = till.get("/payments/collect/", {"q": asha.phone[-7:]}, follow=True)
    assert page.redirect_chain == [(f"/payments/collect/{asha.pk}/", 302)]

    # 2. amount: what is owed is filled in
    text = page.content.decode()
    assert re.search(r'name="amount"[^>]*value="1500"|value="1500"[^>]*name="amount"', text) and invoice.number in text
    taken = till.post(f"/payments/collect/{asha.pk}/", form(page, "1,500", on=today), follow=True)
    assert taken.status_code == 200

    # 3. receipt
    with shop.scope():
        payment = Payment.objects.get()
    text = taken.content.decode()
    assert taken.redirect_chain[-1][0] == f"/payments/{payment.pk}/receipt/"
    assert payment.number in text and "wa.me" in text and 'name="q"' in text, "and the next one may step up"
    assert "Asha Kumari" in unquote(re.search(r'href="(https://wa.me/[^"]+)"', text)[1])
    assert shop.owes(asha) == 0
    for paper in ("80", "58", "a4"):
        printed = till.get(f"/payments/{payment.pk}/print/", {"paper": paper})
        assert printed.status_code == 200 and payment.number in printed.content.decode()
        pdf = till.get(f"/payments/{payment.pk}/receipt.pdf", {"paper": paper})
        assert pdf.status_code == 200 and pdf.content.startswith(b"%PDF")
    assert till.get(f"/payments/{payment.pk}/print/", {"paper": "a0"}).status_code == 404
    assert till.get(f"/payments/{payment.pk}/receipt.pdf", {"paper": "a0"}).status_code == 404
    for url in (f"/payments/{payment.pk}/", "/payments/", "/payments/?today=1", "/payments/?q=Asha", "/payments/due/"):
        answer = till.get(url)
        assert answer.status_code == 200, url
    assert payment.number in till.get("/payments/?q=" + payment.number).content.decode()


def test_the_palette_collects_from_whoever_is_meant(shop):
    asha = shop.subscriber("Asha")
    shop.bill(asha, "1500")
    till = shop.isp.client("cashier")
    hits = till.get("/palette/", {"q": f"collect {asha.phone[-7:]}"}).content.decode()
    assert f"/payments/collect/{asha.pk}/" in hits and "1,500" in hits
    payment = shop.pay(asha, "5")
    assert f"/payments/{payment.pk}/" in till.get("/palette/", {"q": payment.number}).content.decode()


def test_a_double_click_is_one_payment(shop):
    asha = shop.subscriber("Asha")
    shop.bill(asha, "1500")
    till = shop.isp.client("cashier")
    url = f"/payments/collect/{asha.pk}/"
    sent = form(till.get(url), "1500", on=shop.today.isoformat())
    answers = at_once(*[lambda: till.post(url, sent)] * 4)
    assert {answer["Location"] for answer in answers if answer.status_code == 302} == {answers[0]["Location"]}
    with shop.scope():
        assert Payment.objects.count() == 1
    assert shop.owes(asha) == 0


def test_two_tabs_are_one_payment_and_say_so_when_they_differ(shop):
    asha = shop.subscriber("Asha")
    shop.bill(asha, "1500")
    till = shop.isp.client("cashier")
    url, today = f"/payments/collect/{asha.pk}/", shop.today.isoformat()
    one, two, three = till.get(url), till.get(url), till.get(url)
    assert (
        till.post(url, form(one, "1000", on=today))["Location"]
        == till.post(url, form(two, "1000", on=today))["Location"]
    )
    other = till.post(url, form(three, "500", on=today))
    assert other.status_code == 422 and "R-000001" in other.content.decode()
    assert shop.owes(asha) == 500
    # A page opened afterwards is a new payment; one just like the last wants a second look.
    fresh = till.get(url)
    again = till.post(url, form(fresh, "1000", on=today))
    assert again.status_code == 422 and 'name="again"' in again.content.decode()
    assert till.post(url, form(fresh, "1000", on=today, again="on")).status_code == 302
    assert shop.owes(asha) == -500


def test_two_cashiers_on_one_subscriber_are_two_payments(shop):
    asha = shop.subscriber("Asha")
    shop.bill(asha, "1500")
    url, today = f"/payments/collect/{asha.pk}/", shop.today.isoformat()
    one, two = shop.isp.client("cashier"), shop.isp.client("collector")
    first, second = one.get(url), two.get(url)
    at_once(lambda: one.post(url, form(first, "700", on=today)), lambda: two.post(url, form(second, "800", on=today)))
    assert shop.owes(asha) == 0
    with shop.scope():
        assert sorted(Payment.objects.values_list("number", flat=True)) == ["R-000001", "R-000002"]


def test_what_was_typed_is_kept_and_the_error_says_what_to_do(shop):
    asha = shop.subscriber("Asha")
    till = shop.isp.client("cashier")
    url = f"/payments/collect/{asha.pk}/"
    page = till.get(url)
    tomorrow = (shop.today + timedelta(days=1)).isoformat()
    for sent, words in (
        (form(page, "abc", on=shop.today.isoformat()), "plainly"),
        (form(page, "5.005", on=shop.today.isoformat()), "plainly"),
        (form(page, "-5", on=shop.today.isoformat()), "above zero"),
        (form(page, "5,000.005", on=shop.today.isoformat()), "2 digits"),
        (form(page, "5", on=tomorrow, note="kept words"), "future"),
    ):
        answer = till.post(url, sent)
        assert answer.status_code == 422 and words in answer.content.decode(), words
    assert "kept words" in answer.content.decode()
    with shop.scope():
        assert not Payment.objects.exists()


def test_a_decimal_comma_is_no_thousands_mark(shop):
    asha = shop.subscriber("Asha")
    till = shop.isp.client("cashier")
    url = f"/payments/collect/{asha.pk}/"
    for typed, owed in (("1500,50", "-1500.5"), ("1,50,000", "-151500.5"), ("۲۰۰", "-151700.5")):
        sent = form(till.get(url), typed, on=shop.today.isoformat())
        assert till.post(url, sent).status_code == 302 and shop.owes(asha) == Decimal(owed)
    for typed in ("1.500", "1e3", "1_000"):
        sent = form(till.get(url), typed, on=shop.today.isoformat())
        assert till.post(url, sent).status_code == 422, typed
    assert shop.owes(asha) == Decimal("-151700.5")


def test_chosen_invoices_and_a_live_word_on_what_is_settled(shop):
    asha = shop.subscriber("Asha")
    old = shop.bill(asha, "500", due=shop.today)
    new = shop.bill(asha, "400", due=shop.today + timedelta(days=9))
    till = shop.isp.client("cashier")
    url = f"/payments/collect/{asha.pk}/"
    said = till.get(url + "settles/", {"amount": "600"}).content.decode()
    assert old.number in said and new.number in said
    said = till.get(url + "settles/", {"amount": "600", "invoices": new.pk}).content.decode()
    assert old.number not in said and "advance" in said
    page = till.get(url)
    till.post(url, form(page, "400", on=shop.today.isoformat(), invoices=[new.pk]))
    assert (shop.open_of(old), shop.open_of(new)) == (500, 0)


def test_reversal_is_for_those_who_may(shop):
    asha = shop.subscriber("Asha")
    shop.bill(asha, "100")
    payment = shop.pay(asha, "100")
    url = f"/payments/{payment.pk}/reverse/"
    assert shop.isp.client("cashier").get(url).status_code == 403
    owner = shop.isp.client("owner")
    assert asha.name in owner.get(url).content.decode()
    assert owner.post(url, {"reason": ""}).status_code == 422
    assert owner.post(url, {"reason": "wrong person"}).status_code == 302
    assert owner.post(url, {"reason": "wrong person"}).status_code == 422
    assert shop.owes(asha) == 100
    page = owner.get(f"/payments/{payment.pk}/receipt/").content.decode()
    assert "wrong person" in page
    assert "wrong person" in owner.get(f"/payments/{payment.pk}/print/").content.decode()
    assert payment.number in owner.get("/payments/?reversed=1").content.decode()


def test_the_evening_over_http(shop):
    asha = shop.subscriber("Asha")
    till, owner = shop.isp.client("cashier"), shop.isp.client("owner")
    url, today = f"/payments/collect/{asha.pk}/", shop.today.isoformat()
    till.post(url, form(till.get(url), "700", on=today))
    page = till.get("/payments/cash/")
    assert page.status_code == 200 and "700" in page.content.decode()
    close = re.search(r'href="(/payments/cash/\d+/)"', page.content.decode())[1]
    page = till.get(close)
    seen = re.search(r'name="seen" value="([\d.]+)"', page.content.decode())[1]
    closed = till.post(close, {"counted": "690", "note": "ten short", "seen": seen})
    assert closed.status_code == 302
    with shop.scope():
        closing = CashClosing.objects.get()
        assert closing.difference == Decimal(-10)
    assert till.post(close, {"counted": "690", "seen": "0"}).status_code == 422
    assert till.get(closed["Location"]).status_code == 200
    approve = f"/payments/closings/{closing.pk}/approve/"
    assert till.post(approve).status_code == 403
    assert "To approve" in owner.get("/payments/closings/").content.decode()
    assert owner.post(approve).status_code == 302
    with shop.scope():
        assert CashClosing.objects.get().status == "approved"
    assert owner.get(f"/payments/closings/{closing.pk}/").status_code == 200
    # Nobody closes another's cash without being allowed to.
    other = shop.isp.member("collector")
    assert till.get(f"/payments/cash/{other.pk}/").status_code == 404


def test_one_click_sends_the_receipt(shop):
    asha = shop.subscriber("Asha")
    shop.pay(asha, "100")
    shop.isp.run()
    owner = shop.isp.client("owner")
    page = owner.get("/notices/outbox/")
    assert "form-action 'self' https://wa.me" in page["Content-Security-Policy"], "or the browser stays here"
    assert "R-000001" in page.content.decode()
    with shop.scope():
        notice = Notice.objects.get(event="payment.received")
    went = owner.post(f"/notices/{notice.pk}/sent/", {"via": "whatsapp"})
    assert went.status_code == 303 and went["Location"].startswith(f"https://wa.me/{asha.phone[1:]}?text=")
    assert "R-000001" not in owner.get("/notices/outbox/").content.decode()
    for url in ("/notices/", f"/notices/{notice.pk}/", "/notices/settings/", "/notices/wording/payment.received/ur/"):
        assert owner.get(url).status_code == 200, url


def test_the_collectors_list_is_of_those_who_owe(shop):
    membership = shop.isp.member("collector")
    mine = shop.subscriber("Mine", collector_id=membership.pk)
    other, paid = shop.subscriber("Other"), shop.subscriber("Paid")
    for who in (mine, other):
        shop.bill(who, "100")
    from django.test import Client

    from tests.stage import PASSWORD

    client = Client(headers={"host": shop.isp.host})
    client.post("/login/", {"email": membership.user.email, "password": PASSWORD})
    everyone = client.get("/payments/due/")
    assert everyone.status_code == 200, (everyone.status_code, everyone.get("Location"))
    everyone = everyone.content.decode()
    assert "Mine" in everyone and "Other" in everyone and paid.number not in everyone
    mine_only = client.get("/payments/due/mine/").content.decode()
    assert ">Mine<" in mine_only and ">Other<" not in mine_only


def test_another_tenant_sees_none_of_it(shop, zed):
    asha = shop.subscriber("Asha")
    payment = shop.pay(asha, "100")
    stranger = zed.client("owner")
    for url in (
        f"/payments/collect/{asha.pk}/", f"/payments/{payment.pk}/", f"/payments/{payment.pk}/receipt/",
        f"/payments/{payment.pk}/print/", f"/payments/{payment.pk}/reverse/",
    ):  # fmt: skip
        assert stranger.get(url).status_code == 404, url
    assert "Asha" not in stranger.get("/payments/").content.decode()
    assert "Nobody found" in stranger.get("/payments/collect/", {"q": "Asha"}).content.decode()


def test_settings_are_kept_and_noted(shop):
    from fiberledger.audit.models import Entry

    owner = shop.isp.client("owner")
    assert owner.get("/payments/settings/").status_code == 200
    answer = owner.post(
        "/payments/settings/",
        {
            "receipt_prefix": "REC-",
            "receipt_digits": "4",
            "back_days": "1",
            "future_days": "0",
            "largest": "5000",
            "allow_advance": "on",
        },
    )
    assert answer.status_code == 302, answer.content
    assert shop.pay(shop.subscriber("Asha"), "5").number == "REC-0001"
    with shop.scope():
        assert Entry.objects.get(action="payments.rules_changed").after["receipt_prefix"] == "REC-"
