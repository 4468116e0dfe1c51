from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiberledger.money import Money
from fiberledger.payments.rules import (
    Limits,
    OpenInvoice,
    fault_of_amount,
    fault_of_date,
    oldest_first,
    settle,
)

cents = st.decimals(min_value="0.01", max_value="99999.99", places=2)
days = st.dates(min_value=date(2024, 1, 1), max_value=date(2027, 12, 31))


@st.composite
def open_invoices(draw):
    count = draw(st.integers(0, 8))
    return [
        OpenInvoice(id=index + 1, number=f"I-{index + 1}", due_on=draw(days), issued_on=draw(days), open=draw(cents))
        for index in range(count)
    ]


@given(cents, open_invoices())
def test_every_cent_goes_somewhere_and_only_once(amount, invoices):
    settlement = settle(amount, invoices)
    assert sum(part.amount for part in settlement.parts) + settlement.advance == amount
    assert settlement.advance >= 0
    open_of = {invoice.id: invoice.open for invoice in invoices}
    for part in settlement.parts:
        assert 0 < part.amount <= open_of[part.invoice_id]
        assert part.left == open_of[part.invoice_id] - part.amount


@given(cents, open_invoices())
def test_nothing_goes_to_a_later_invoice_while_an_earlier_one_is_open(amount, invoices):
    settlement = settle(amount, invoices)
    in_order = [invoice.id for invoice in oldest_first(invoices)]
    assert [part.invoice_id for part in settlement.parts] == in_order[: len(settlement.parts)]
    assert all(part.left == 0 for part in settlement.parts[:-1])
    if settlement.advance:
        assert len(settlement.parts) == len(invoices) and all(part.left == 0 for part in settlement.parts)


@given(cents, open_invoices(), st.data())
def test_chosen_invoices_take_all_they_want_and_others_nothing(amount, invoices, data):
    only = data.draw(st.lists(st.sampled_from([i.id for i in invoices] or [0]), unique=True))
    settlement = settle(amount, invoices, only=only)
    assert {part.invoice_id for part in settlement.parts} <= set(only)
    wanted = sum((i.open for i in invoices if i.id in only), Decimal(0))
    assert settlement.advance == max(amount - wanted, Decimal(0))


@pytest.mark.parametrize(
    ("amount", "currency", "owed", "limits", "words"),
    [
        ("0", "PKR", "100", Limits(), "above zero"),
        ("-5", "PKR", "100", Limits(), "above zero"),
        ("1.005", "PKR", "100", Limits(), "2 digits"),
        ("1.5", "JPY", "100", Limits(), "whole amount"),
        ("1.0005", "KWD", "100", Limits(), "3 digits"),
        ("1000000.01", "PKR", "100", Limits(), "Check the zeros"),
        ("100.01", "PKR", "100", Limits(allow_advance=False), "advance"),
        ("1", "PKR", "-50", Limits(allow_advance=False), "advance"),
    ],
)
def test_amounts_refused(amount, currency, owed, limits, words):
    fault = fault_of_amount(Money.of(amount, currency), currency=currency, owed=Decimal(owed), limits=limits)
    assert fault and words in fault


def test_another_currency_is_refused_before_anything_else():
    fault = fault_of_amount(Money.of("-1", "USD"), currency="PKR", owed=Decimal(1), limits=Limits())
    assert fault and "USD" in fault


@pytest.mark.parametrize(
    ("amount", "currency"), [("0.01", "PKR"), ("1", "JPY"), ("1.125", "KWD"), ("1000000", "PKR"), ("100.10", "PKR")]
)
def test_amounts_taken(amount, currency):
    assert fault_of_amount(Money.of(amount, currency), currency=currency, owed=Decimal(0), limits=Limits()) is None


TODAY = date(2026, 3, 15)


@pytest.mark.parametrize(
    ("away", "may_backdate", "limits", "taken"),
    [
        (0, False, Limits(), True),
        (1, True, Limits(), False),
        (1, False, Limits(future_days=1), True),
        (2, True, Limits(future_days=1), False),
        (-3, False, Limits(), True),
        (-4, False, Limits(), False),
        (-4, True, Limits(), True),
        (-5000, True, Limits(), False),
    ],
)
def test_dates(away, may_backdate, limits, taken):
    fault = fault_of_date(TODAY + timedelta(days=away), today=TODAY, may_backdate=may_backdate, limits=limits)
    assert (fault is None) is taken
