"""How a value looks where it must be short, and what is kept for who wants it exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fiberledger.money import Money
from fiberledger.screens import cells


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("999.95", "999.95"),
        ("1170136.47", "1,170,136"),
        ("-4500.50", "\u2212<small>Rs</small>4,500"),
        ("12345678", "12.3 m"),
        ("98765432109.87", "98.8 bn"),
    ],
)
def test_a_large_sum_is_short_on_the_dashboard_and_exact_on_hover(amount, shown):
    money = Money(Decimal(amount), "PKR")
    html = cells.figure(money)
    assert shown in html
    if abs(money.amount) >= 1000:
        assert (
            f'title="{cells.money_text(money)}"' in html and f'<span class="sr-only">{cells.money_text(money)}' in html
        )


def test_a_changed_field_is_called_what_people_call_it():
    assert cells.field_label("catalog.plan", "download_kbps") == "Download"
    assert cells.field_label("catalog.plan", "no_such_thing") == "No such thing"
