"""What only billing knows: it asks money for an add-on that is paid once, and says what a change of plan would cost now."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fiberledger.catalog.models import Plan

from .models import SoldAddOn, Subscription


def _nobody(sold: SoldAddOn, by: Any) -> None:
    """Without billing nothing is charged."""


_charger: Callable[[SoldAddOn, Any], object] = _nobody


def provide(charger: Callable[[SoldAddOn, Any], object]) -> None:
    """Let `charger(sold, by)` ask for the money, in the transaction of the sale."""
    global _charger
    _charger = charger


_teller: Callable[[Subscription, Plan, Decimal], Decimal] = lambda line, plan, price: Decimal(0)


def provide_difference(teller: Callable[[Subscription, Plan, Decimal], Decimal]) -> None:
    """Let `teller(line, plan, price)` say what days that are billed already would cost more from today on."""
    global _teller
    _teller = teller


def difference(line: Subscription, plan: Plan, price: Decimal) -> Decimal:
    return _teller(line, plan, price)


def charge(sold: SoldAddOn, by: Any) -> None:
    _charger(sold, by)
