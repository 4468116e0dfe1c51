from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.db.models import Sum

from fiberledger import calendar, ledger
from fiberledger.ledger.models import Posting
from fiberledger.money import Money
from fiberledger.payments import services
from fiberledger.payments.models import CashClosing, Payment
from fiberledger.tenancy import Refusal

from .shop import Shop, at_once


@pytest.fixture
def shop(isp):
    return Shop(isp)


@pytest.fixture
def till(shop):
    """A collector, and the actor they are."""
    membership = shop.isp.member("collector")
    with shop.scope():
        membership.name  # noqa: B018  the user is read inside the scope
    return membership, shop.clerk("payments.record", "payments.close_cash", name="Kamal", membership=membership)


def rs(amount):
    return Money.of(amount, "PKR")


def balance(shop, role):
    with shop.scope():
        account = ledger.account(role, "PKR")
        return Posting.objects.filter(account=account).aggregate(s=Sum("amount"))["s"] or Decimal(0)


def test_the_evening(shop, till):
    kamal, actor = till
    asha, ravi = shop.subscriber("Asha"), shop.subscriber("Ravi")
    shop.pay(asha, "1000", by=actor)
    shop.pay(ravi, "500", by=actor)
    shop.pay(ravi, "900", by=actor, method="bank")
    wrong = shop.pay(ravi, "200", by=actor)
    with shop.scope():
        services.reverse_payment(wrong, reason="wrong person", by=shop.boss)
        in_hand = services.cash_in_hand(kamal)
        assert (in_hand.amount, in_hand.payments, in_hand.reversals) == (rs("1500"), 3, 1)
        assert services.cash_of_everyone()[0].amount == rs("1500")
        closing = services.close_cash(kamal, counted=rs("1480"), by=actor, note="20 short")
        assert (closing.expected, closing.difference, closing.status) == (1500, -20, "waiting")
    assert balance(shop, "cash") == 1500, "nothing is posted before it is approved"
    with shop.scope():
        assert services.cash_in_hand(kamal).amount == rs("0")
        with pytest.raises(Refusal, match="permission"):
            services.approve_closing(closing, by=actor)
        services.approve_closing(closing, by=shop.clerk("payments.approve_closing", name="Boss"))
    assert balance(shop, "cash") == 1480 and balance(shop, "cash_difference") == 20
    with shop.scope(), pytest.raises(Refusal, match="approved already"):
        services.approve_closing(closing, by=shop.boss)


def test_cash_is_closed_once_a_day_and_later_payments_go_to_the_next(shop, till, clock):
    clock.move_to("2026-03-10")
    kamal, actor = till
    asha = shop.subscriber("Asha")
    shop.pay(asha, "100", by=actor)
    with shop.scope():
        first = services.close_cash(kamal, counted=rs("100"), by=actor)
    later = shop.pay(asha, "70", by=actor)
    with shop.scope(), pytest.raises(Refusal, match="already closed"):
        services.close_cash(kamal, counted=rs("70"), by=actor)
    clock.move_to("2026-03-11")
    with shop.scope():
        second = services.close_cash(kamal, counted=rs("70"), by=actor)
        assert second.expected == 70
        assert Payment.objects.get(pk=later.pk).closing_id == second.pk != first.pk


def test_a_payment_reversed_after_its_closing_counts_against_the_next(shop, till, clock):
    clock.move_to("2026-03-10")
    kamal, actor = till
    asha = shop.subscriber("Asha")
    payment = shop.pay(asha, "100", by=actor)
    with shop.scope():
        services.close_cash(kamal, counted=rs("100"), by=actor)
    clock.move_to("2026-03-11")
    with shop.scope():
        services.reverse_payment(payment, reason="wrong person", by=shop.boss)
        assert services.cash_in_hand(kamal).amount == rs("-100")
    shop.pay(asha, "250", by=actor)
    with shop.scope():
        closing = services.close_cash(kamal, counted=rs("150"), by=actor)
        assert closing.expected == 150 and closing.difference == 0


def test_nothing_to_close_leaves_nothing_behind(shop, till):
    kamal, actor = till
    with shop.scope():
        with pytest.raises(services.NothingToClose):
            services.close_cash(kamal, counted=rs("0"), by=actor)
        assert not CashClosing.objects.exists()


def test_a_payment_meanwhile_makes_one_count_again(shop, till):
    kamal, actor = till
    asha = shop.subscriber("Asha")
    shop.pay(asha, "100", by=actor)
    with shop.scope():
        seen = services.cash_in_hand(kamal).amount
    shop.pay(asha, "50", by=actor)
    with shop.scope():
        with pytest.raises(Refusal, match="meanwhile"):
            services.close_cash(kamal, counted=rs("100"), by=actor, seen=seen)
        assert services.cash_in_hand(kamal).amount == rs("150")


def test_two_threads_close_once(shop, till):
    kamal, actor = till
    asha = shop.subscriber("Asha")
    shop.pay(asha, "100", by=actor)

    def close():
        with shop.scope():
            return services.close_cash(kamal, counted=rs("100"), by=actor)

    answers = at_once(close, close, close)
    assert sorted(type(answer).__name__ for answer in answers) == ["CashClosing", "Refusal", "Refusal"]


def test_payments_recorded_while_closing_are_in_exactly_one_closing(shop, till, clock):
    clock.move_to("2026-03-10")
    kamal, actor = till
    asha = shop.subscriber("Asha")
    shop.pay(asha, "1", by=actor)

    def take():
        for _n in range(8):
            shop.pay(asha, "1", by=actor)

    def close():
        with shop.scope():
            return services.close_cash(kamal, counted=rs("1"), by=actor)

    assert not [a for a in at_once(take, close, take) if isinstance(a, Exception)]
    clock.move_to("2026-03-11")
    with shop.scope():
        first = CashClosing.objects.get()
        assert first.expected == Payment.objects.filter(closing=first).count()
        if services.cash_in_hand(kamal).amount:
            second = services.close_cash(kamal, counted=rs("0"), by=actor)
            assert first.expected + second.expected == 17


def test_counting_again_until_approved(shop, till):
    kamal, actor = till
    shop.pay(shop.subscriber("Asha"), "100", by=actor)
    with shop.scope():
        closing = services.close_cash(kamal, counted=rs("90"), by=actor)
        closing = services.recount(closing, counted=rs("100"), note="found it", by=actor)
        assert closing.difference == 0
        services.approve_closing(closing, by=shop.boss)
        with pytest.raises(Refusal, match="approved"):
            services.recount(closing, counted=rs("90"), note="", by=actor)
    with pytest.raises(IntegrityError), shop.scope():
        CashClosing.objects.update(counted=5)


def test_a_day_to_come_cannot_be_closed(shop, till):
    kamal, actor = till
    with shop.scope(), pytest.raises(Refusal, match="not come"):
        services.close_cash(kamal, counted=rs("0"), by=actor, on=calendar.today() + timedelta(days=1))
