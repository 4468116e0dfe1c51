"""Random payments, bills and reversals, held against a slow reference that keeps everything in lists."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fiberledger import ledger
from fiberledger.billing.models import Invoice
from fiberledger.payments import services
from fiberledger.payments.rules import OpenInvoice, settle

from .shop import Shop

amounts = st.integers(1, 200_000).map(lambda cents: Decimal(cents) / 100)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("bill"), amounts, st.integers(0, 30)),
        st.tuples(st.just("pay"), amounts, st.booleans()),
        st.tuples(st.just("reverse"), st.integers(0, 20), st.none()),
    ),
    max_size=14,
)


class Reference:
    """Invoices and credits as lists; every step settles again by the pure rule, oldest credit first."""

    def __init__(self) -> None:
        self.invoices: dict[int, list] = {}  # id: [due_on, open]
        self.credits: dict[int, list] = {}  # payment id: [left, {invoice: amount}]
        self.balance = Decimal(0)

    def settle(self, only=None) -> None:
        for credit in self.credits.values():
            if credit[0] <= 0:
                continue
            wanting = [OpenInvoice(pk, "", due, due, left) for pk, (due, left) in self.invoices.items() if left > 0]
            result = settle(credit[0], wanting, only)
            for part in result.parts:
                self.invoices[part.invoice_id][1] -= part.amount
                credit[1][part.invoice_id] = credit[1].get(part.invoice_id, Decimal(0)) + part.amount
                credit[0] -= part.amount

    def reverse(self, payment_id: int, amount: Decimal) -> None:
        _left, parts = self.credits.pop(payment_id)
        for invoice, part in parts.items():
            self.invoices[invoice][1] += part
        self.balance += amount


@pytest.fixture(scope="module")
def shop():
    from tests.stage import Isp

    with Isp.open("Bright ISP", "PK") as bright:
        yield Shop(bright)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps)
def test_books_and_invoices_equal_the_slow_reference(shop, script):
    asha = shop.subscriber("Asha", line=False)
    reference, payments, today = Reference(), [], shop.today
    for what, one, two in script:
        if what == "bill":
            due: date = today + timedelta(days=two)
            invoice = shop.bill(asha, str(one), due=due)
            reference.invoices[invoice.pk] = [due, one]
            reference.balance += one
            reference.settle()
        elif what == "pay":
            wanting = [pk for pk, (_due, left) in reference.invoices.items() if left > 0]
            only = wanting[-1:] if two and wanting else None
            payment = shop.pay(asha, str(one), invoices=only)
            payments.append(payment)
            reference.credits[payment.pk] = [one, {}]
            reference.balance -= one
            reference.settle(only)
        elif payments:
            payment = payments.pop(one % len(payments))
            with shop.scope():
                services.reverse_payment(payment, reason="random", by=shop.boss)
            reference.reverse(payment.pk, payment.amount)
            reference.settle()
        assert shop.owes(asha) == reference.balance
        with shop.scope():
            found = {i.pk: i.outstanding for i in Invoice.objects.filter(subscriber=asha).with_settled()}
            status = dict(Invoice.objects.filter(subscriber=asha).values_list("pk", "status"))
        assert found == {pk: left for pk, (_due, left) in reference.invoices.items()}
        for pk, left in found.items():
            assert (status[pk] == "paid") is (left == 0)
        for payment in payments:
            assert shop.parts_of(payment) == reference.credits[payment.pk][1]
    with shop.scope():
        assert ledger.verify() == []
