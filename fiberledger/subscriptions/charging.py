"""Who asks money for an add-on that is paid once. Billing does, and says so; nobody does where there is no billing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .models import SoldAddOn


def _nobody(sold: SoldAddOn, by: Any) -> None:
    """Without billing nothing is charged."""


_charger: Callable[[SoldAddOn, Any], object] = _nobody


def provide(charger: Callable[[SoldAddOn, Any], object]) -> None:
    """Let `charger(sold, by)` ask for the money, in the transaction of the sale."""
    global _charger
    _charger = charger


def charge(sold: SoldAddOn, by: Any) -> None:
    _charger(sold, by)
