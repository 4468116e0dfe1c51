from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiberledger.money.typed import Ambiguous, shown, typed


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1500", "1500"), ("1,500", "1500"), ("1,50,000", "150000"), ("1,500,000", "1500000"), ("1 500", "1500"),
        ("1'500.50", "1500.50"), ("1,500.5", "1500.5"), ("1500,50", "1500.50"), ("1.500,50", "1500.50"), ("1,5", "1.5"),
        ("1.234.567", "1234567"), ("1.234.567,8", "1234567.8"), ("10.0000", "10"), ("0.0001", "0.0001"),
        ("۱۵۰۰", "1500"), ("١٬٥٠٠٫٥", "1500.5"), ("-5", "-5"), (" 12 ", "12"),
    ],
)  # fmt: skip
def test_what_people_type_is_the_amount_they_mean(text, amount):
    assert typed(text, 2) == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    ["1.500", "10.005", "1,500.5.0", "12,34,5", "1,2345", "1_000", "1e3", "NaN", "", "-", ".5", "5.", "1,,500", "1,500,50",
     "1.50,000", "15,00,0"],
)  # fmt: skip
def test_what_could_mean_two_amounts_is_refused(text):
    with pytest.raises(Ambiguous):
        typed(text, 2)


def test_three_digits_after_the_point_are_coins_only_where_there_are_such_coins():
    assert typed("1.500", 3) == Decimal("1.5")
    assert typed("1,500", 3) == 1500
    with pytest.raises(Ambiguous):
        typed("1.500", 0)


@given(st.integers(0, 10**12), st.sampled_from([("JPY", 0), ("PKR", 2), ("KWD", 3)]))
def test_what_is_shown_to_be_typed_over_means_the_same_amount(coins, currency):
    code, digits = currency
    amount = Decimal(coins).scaleb(-digits)
    assert typed(shown(amount, code), digits) == amount
