"""Who finds the fixed address that a line bought. IPAM does, and says so; without it an address is what the seller typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .models import SoldAddOn


def _as_typed(sold: SoldAddOn, by: Any) -> str:
    return sold.detail


_giver: Callable[[SoldAddOn, Any], str] = _as_typed


def provide(giver: Callable[[SoldAddOn, Any], str]) -> None:
    """Let `giver(sold, by)` take the address that was named, or the next free one, in the transaction of the sale."""
    global _giver
    _giver = giver


def give(sold: SoldAddOn, by: Any) -> str:
    """The address that the line has from now on. Raises Refusal where it is not to be had."""
    return _giver(sold, by)
