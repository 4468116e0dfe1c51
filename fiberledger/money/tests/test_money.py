from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiberledger.money import MixedCurrencies, Money, exponent, round_to, show

amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=2)


@given(
    amounts,
    st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(lambda w: sum(w) > 0),
)
def test_split_shares_out_every_minor_unit(amount, weights):
    money = Money(amount, "PKR")
    parts = money.split(*weights)
    assert sum(parts) == money.rounded()
    for weight, part in zip(weights, parts, strict=True):
        fair = amount * weight / sum(weights)
        assert abs(part.amount - fair) <= Decimal("0.01") * len(weights)


@given(amounts, amounts)
def test_sums_are_exact(a, b):
    assert (Money(a, "KES") + Money(b, "KES")) - Money(b, "KES") == Money(a, "KES")


def test_floats_and_mixed_currencies_are_refused():
    with pytest.raises(TypeError):
        Money(1.5, "PKR")
    with pytest.raises(TypeError):
        Money(Decimal("NaN"), "PKR")
    with pytest.raises(TypeError):
        Money(Decimal(1), "PKR") * 1.5
    with pytest.raises(MixedCurrencies):
        Money(Decimal(1), "PKR") + Money(Decimal(1), "KES")


def test_each_currency_has_its_own_exponent():
    assert (exponent("PKR"), exponent("JPY"), exponent("KWD")) == (2, 0, 3)
    assert round_to(Decimal("10.5"), "JPY") == 11
    assert round_to(Decimal("0.005"), "KES") == Decimal("0.01")


def test_the_money_of_every_country_is_shown():
    from babel.core import get_global
    from babel.numbers import get_territory_currencies

    for country in get_global("territory_currencies"):
        for currency in get_territory_currencies(country):
            assert show(Money(Decimal("1234"), currency)).replace(",", "").partition("1234")[0].strip(), currency
    assert show(Money(Decimal("1500"), "BDT")) == "Tk 1,500.00"
    assert show(Money(Decimal("-1500"), "BRL")) == "-R$ 1,500.00"
    assert show(Money(Decimal("1500"), "JPY")) == "¥ 1,500"
    assert show(Money(Decimal("1.5"), "KWD")) == "KWD 1.500"
