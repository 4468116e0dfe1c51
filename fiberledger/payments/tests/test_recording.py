from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection

from fiberledger import calendar, jobs, ledger
from fiberledger.audit.models import Entry
from fiberledger.money import Money
from fiberledger.notices.models import Notice
from fiberledger.payments import services
from fiberledger.payments.models import Payment, PaymentPolicy
from fiberledger.subscriptions import services as subscriptions
from fiberledger.tenancy import Refusal

from .shop import Shop, at_once


@pytest.fixture
def shop(isp):
    return Shop(isp)


def test_a_payment_settles_the_oldest_first_and_stands_in_the_books(shop):
    asha = shop.subscriber("Asha")
    today = shop.today
    newer = shop.bill(asha, "1000", due=today + timedelta(days=20))
    older = shop.bill(asha, "500", due=today + timedelta(days=5))
    payment = shop.pay(asha, "700", reference="slip 7")
    assert payment.number == "R-000001"
    assert shop.parts_of(payment) == {older.pk: Decimal(500), newer.pk: Decimal(200)}
    assert (shop.open_of(older), shop.open_of(newer), shop.owes(asha)) == (0, 800, 800)
    with shop.scope():
        stored = Payment.objects.select_related("entry").get(pk=payment.pk)
        assert stored.entry.cause == f"payment:{payment.pk}" and stored.reference == "slip 7"
        halves = {(p.account.role, p.amount) for p in stored.entry.postings.select_related("account")}
        assert halves == {("cash", Decimal(700)), ("receivable", Decimal(-700))}
        note = Entry.objects.get(action="payment.recorded", target_id=str(payment.pk))
        assert note.after["amount"] == "PKR 700"
    assert shop.pay(asha, "800").number == "R-000002"
    assert shop.owes(asha) == 0


def test_what_no_invoice_takes_is_advance_and_settles_the_next(shop):
    asha = shop.subscriber("Asha")
    payment = shop.pay(asha, "300")
    assert shop.owes(asha) == -300 and shop.parts_of(payment) == {}
    invoice = shop.bill(asha, "1000")
    assert shop.open_of(invoice) == 700


def test_chosen_invoices_are_settled_before_older_ones(shop):
    asha = shop.subscriber("Asha")
    older = shop.bill(asha, "500", due=shop.today)
    newer = shop.bill(asha, "400", due=shop.today + timedelta(days=9))
    payment = shop.pay(asha, "450", invoices=[newer.pk])
    assert shop.parts_of(payment) == {newer.pk: Decimal(400)}
    assert shop.open_of(older) == 500
    shop.pay(asha, "100")
    assert shop.open_of(older) == 350, "what the chosen one left is taken by the next settling"


def test_the_same_key_is_the_same_payment(shop):
    asha = shop.subscriber("Asha")
    shop.bill(asha, "1000")
    key = uuid4()
    first, second = shop.pay(asha, "400", key=key), shop.pay(asha, "400", key=key)
    assert first.pk == second.pk and second.number == first.number
    assert shop.owes(asha) == 600
    with shop.scope():
        assert Payment.objects.filter(subscriber=asha).count() == 1


def test_the_same_key_with_other_particulars_is_refused(shop):
    asha, ravi = shop.subscriber("Asha"), shop.subscriber("Ravi")
    key = uuid4()
    first = shop.pay(asha, "400", key=key)
    for change in ({"amount": "500"}, {"method": "bank"}, {"subscriber": ravi}):
        call = {"subscriber": asha, "amount": "400", "method": "cash"} | change
        with pytest.raises(services.AlreadyUsed) as refused:
            shop.pay(call["subscriber"], call["amount"], key=key, method=call["method"])
        assert refused.value.earlier == first and first.number in str(refused.value)


def test_two_threads_with_one_key_are_one_payment(shop):
    asha = shop.subscriber("Asha")
    shop.bill(asha, "1000")
    key = uuid4()
    answers = at_once(*[lambda: shop.pay(asha, "1000", key=key)] * 6)
    assert len({answer.pk for answer in answers}) == 1
    assert shop.owes(asha) == 0
    with shop.scope():
        assert jobs.models.Run.objects.count() == 0
        assert Payment.objects.count() == 1


def test_one_key_for_two_subscribers_at_once_is_one_payment(shop):
    asha, ravi = shop.subscriber("Asha"), shop.subscriber("Ravi")
    key = uuid4()
    answers = at_once(lambda: shop.pay(asha, "100", key=key), lambda: shop.pay(ravi, "100", key=key))
    assert sorted(type(answer).__name__ for answer in answers) == ["AlreadyUsed", "Payment"]
    assert sorted([shop.owes(asha), shop.owes(ravi)]) == [-100, 0]


def test_two_cashiers_on_one_subscriber_both_count_and_neither_pays_one_invoice_twice(shop):
    asha = shop.subscriber("Asha")
    invoice = shop.bill(asha, "1000")
    answers = at_once(*[lambda: shop.pay(asha, "700")] * 2)
    assert all(isinstance(answer, Payment) for answer in answers), answers
    assert shop.owes(asha) == -400 and shop.open_of(invoice) == 0
    taken = sum((shop.parts_of(answer).get(invoice.pk, 0) for answer in answers), Decimal(0))
    assert taken == 1000


def test_receipt_numbers_have_no_gap_under_many_threads_and_refusals(shop):
    people = [shop.subscriber(f"P{n}", line=False) for n in range(6)]

    def some(person):
        for amount in ("10", "0", "20"):
            try:
                shop.pay(person, amount)
            except Refusal:
                pass

    assert at_once(*[lambda p=p: some(p) for p in people]) == [None] * 6
    with shop.scope():
        numbers = sorted(Payment.objects.values_list("number", flat=True))
    assert numbers == [f"R-{n:06d}" for n in range(1, 13)]


def test_without_advance_two_threads_cannot_overpay(shop):
    with shop.scope():
        PaymentPolicy.objects.update(allow_advance=False)
    asha = shop.subscriber("Asha")
    shop.bill(asha, "1000")
    answers = at_once(*[lambda: shop.pay(asha, "800")] * 3)
    assert sorted(type(answer).__name__ for answer in answers) == ["Payment", "Refusal", "Refusal"]
    assert shop.owes(asha) == 200


@pytest.mark.parametrize(
    ("amount", "more", "words"),
    [("0", {}, "above zero"), ("10.001", {}, "2 digits"), ("99999999", {}, "zeros")],
)
def test_refusals_write_nothing(shop, amount, more, words):
    asha = shop.subscriber("Asha")
    with pytest.raises(Refusal, match=words):
        shop.pay(asha, amount, **more)
    with shop.scope():
        assert not Payment.objects.exists()
    assert shop.pay(asha, "5").number == "R-000001"


def test_another_currency_and_another_tenant_are_refused(shop, zed):
    asha = shop.subscriber("Asha")
    with shop.scope(), pytest.raises(Refusal, match="KES"):
        services.record_payment(
            asha, Money.of("5", "KES"), method="cash", key=uuid4(), received_on=calendar.today(), by=shop.boss
        )
    with zed.scope(), pytest.raises(Refusal, match="no such subscriber"):
        services.record_payment(
            asha, Money.of("5", "PKR"), method="cash", key=uuid4(), received_on=calendar.today(), by=shop.boss
        )


def test_backdating_needs_permission(shop):
    asha = shop.subscriber("Asha")
    long_ago = shop.today - timedelta(days=30)
    with pytest.raises(Refusal, match="backdate"):
        shop.pay(asha, "5", received_on=long_ago, by=shop.clerk("payments.record"))
    payment = shop.pay(asha, "5", received_on=long_ago, by=shop.clerk("payments.record", "payments.backdate"))
    assert payment.received_on == long_ago
    with pytest.raises(Refusal, match="future"):
        shop.pay(asha, "5", received_on=shop.today + timedelta(days=1))


def test_today_is_the_tenants_day(shop, clock):
    """At 20:00 UTC it is tomorrow in Lahore: that date is not in the future there."""
    clock.move_to("2026-03-01T20:00:00+00:00")
    asha = shop.subscriber("Asha")
    with shop.scope():
        today = calendar.today()
    assert today.isoformat() == "2026-03-02"
    assert shop.pay(asha, "5", received_on=today).received_on == today
    clock.move_to("2026-03-01T18:59:00+00:00")
    with pytest.raises(Refusal, match="future"):
        shop.pay(asha, "5", received_on=today)


def test_who_has_left_can_still_pay(shop):
    asha = shop.subscriber("Asha")
    shop.bill(asha, "100")
    with shop.scope():
        subscriptions.end([shop.line_of(asha).pk], by=shop.boss)
    assert shop.pay(asha, "100").amount == 100


def test_bank_and_cheque_go_to_the_bank(shop):
    asha = shop.subscriber("Asha")
    for method, role in (("cash", "cash"), ("bank", "bank"), ("cheque", "bank"), ("wallet", "bank")):
        with shop.scope():
            assert shop.pay(asha, "5", method=method).account.role == role


def test_reversal_opens_what_it_had_paid_and_is_told_once(shop):
    asha = shop.subscriber("Asha")
    first, second = shop.bill(asha, "500"), shop.bill(asha, "500")
    payment = shop.pay(asha, "700")
    with shop.scope():
        reversed_ = services.reverse_payment(payment, reason="wrong subscriber", by=shop.boss)
    assert reversed_.is_reversed and reversed_.reversal_entry.reverses_id == payment.entry_id
    assert shop.owes(asha) == 1000
    assert (shop.open_of(first), shop.open_of(second)) == (500, 500)
    assert shop.parts_of(payment) == {}
    with shop.scope(), pytest.raises(Refusal, match="already reversed"):
        services.reverse_payment(payment, reason="again", by=shop.boss)
    with shop.scope():
        note = Entry.objects.get(action="payment.reversed")
        assert note.extra["reason"] == "wrong subscriber"


def test_after_a_reversal_other_credit_steps_in(shop):
    asha = shop.subscriber("Asha")
    invoice = shop.bill(asha, "1000")
    wrong = shop.pay(asha, "1000")
    right = shop.pay(asha, "600")
    assert shop.owes(asha) == -600
    with shop.scope():
        services.reverse_payment(wrong, reason="cheque bounced", by=shop.boss)
    assert shop.owes(asha) == 400 and shop.open_of(invoice) == 400
    assert shop.parts_of(right) == {invoice.pk: Decimal(600)}


def test_reversal_needs_permission_reason_and_a_day_that_makes_sense(shop):
    asha = shop.subscriber("Asha")
    payment = shop.pay(asha, "5")
    with shop.scope():
        with pytest.raises(Refusal, match="permission"):
            services.reverse_payment(payment, reason="mistake", by=shop.clerk("payments.record"))
        with pytest.raises(Refusal, match="why"):
            services.reverse_payment(payment, reason=" ", by=shop.boss)
        with pytest.raises(Refusal, match="before"):
            services.reverse_payment(payment, reason="mistake", by=shop.boss, on=shop.today - timedelta(days=1))
        with pytest.raises(Refusal, match="future"):
            services.reverse_payment(payment, reason="mistake", by=shop.boss, on=shop.today + timedelta(days=1))


def test_two_threads_reverse_once(shop):
    asha = shop.subscriber("Asha")
    shop.bill(asha, "100")
    payment = shop.pay(asha, "100")

    def reverse():
        with shop.scope():
            return services.reverse_payment(payment, reason="mistake", by=shop.boss)

    answers = at_once(reverse, reverse, reverse)
    assert sorted(type(answer).__name__ for answer in answers) == ["Payment", "Refusal", "Refusal"]
    assert shop.owes(asha) == 100


def test_a_payment_and_a_reversal_at_once_leave_right_books(shop):
    asha = shop.subscriber("Asha")
    invoice = shop.bill(asha, "100")
    payment = shop.pay(asha, "100")

    def reverse():
        with shop.scope():
            services.reverse_payment(payment, reason="mistake", by=shop.boss)

    assert not [a for a in at_once(reverse, lambda: shop.pay(asha, "60")) if isinstance(a, Exception)]
    assert shop.owes(asha) == 40 and shop.open_of(invoice) == 40


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payments_payment SET amount = 1",
        "UPDATE payments_payment SET number = 'X'",
        "DELETE FROM payments_payment",
        "UPDATE payments_payment SET received_on = '2020-01-01'",
    ],
)
def test_the_database_refuses_to_edit_or_delete_a_payment(shop, change):
    shop.pay(shop.subscriber("Asha"), "5")
    with pytest.raises((IntegrityError, Exception)) as refused, shop.scope(), connection.cursor() as cursor:
        cursor.execute(change)
    assert "does not change" in str(refused.value) or "permission denied" in str(refused.value)


def test_the_receipt_is_queued_and_reminders_are_taken_back(shop):
    from fiberledger import notices

    asha = shop.subscriber("Asha")
    invoice = shop.bill(asha, "100")
    with shop.scope():
        notices.queue("invoice.overdue", subscriber_id=asha.pk, cause=f"invoice:{invoice.pk}", values={"amount": "100"})
    payment = shop.pay(asha, "100")
    shop.isp.run()
    with shop.scope():
        receipt = Notice.objects.shown().get(event="payment.received")
        assert receipt.cause == f"payment:{payment.pk}"
        message = notices.services.Composer().message(receipt)
        assert payment.number in message.text and "Asha" in message.text and "100" in message.text
        assert message.whatsapp.startswith(f"https://wa.me/{asha.phone[1:]}?text=")
        assert message.sms.startswith(f"sms:{asha.phone}?body=")
        reminder = Notice.objects.get(event="invoice.overdue")
        assert reminder.state == "skipped" and reminder.why == "Paid"


def test_the_paper_says_what_the_receipt_needs(shop):
    from fiberledger import paper, payments
    from fiberledger.payments.receipts import SIZES

    asha = shop.subscriber("Asha", language="ur")
    invoice = shop.bill(asha, "100")
    payment = shop.pay(asha, "150", reference="TX9")
    with shop.scope():
        payment = Payment.objects.select_related("subscriber__receivable", "subscriber__area").get(pk=payment.pk)
        data = payments.paper_data(payment)
    said = repr(data)
    assert data.number == payment.number and data.totals[-1][1] == "Rs 150.00"
    assert invoice.number in said and "Rs 100.00" in said and "Rs 50.00" in said and "TX9" in said
    assert asha.number in said and asha.name in said and not data.status
    for size in SIZES.values():
        assert paper.render(data, language="ur", size=size).startswith(b"%PDF")


def test_the_ledger_agrees(shop):
    asha = shop.subscriber("Asha")
    shop.pay(asha, "5")
    with shop.scope():
        assert ledger.verify() == []
