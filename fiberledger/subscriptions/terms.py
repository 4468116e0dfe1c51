"""What a new subscription is agreed on unless said otherwise. Billing keeps the tenant's policy and provides it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .models import Subscription


@dataclass(frozen=True, slots=True)
class Terms:
    """`anchor_day` None: the day the subscription begins."""

    billing: str = Subscription.Billing.PREPAID
    cycle: str = Subscription.Cycle.ANNIVERSARY
    anchor_day: int | None = None
    first_period: str = Subscription.FirstPeriod.PRORATE


_provider: Callable[[], Terms] = Terms


def provide(provider: Callable[[], Terms]) -> None:
    """Let `provider()` answer for the tenant in scope."""
    global _provider
    _provider = provider


def default() -> Terms:
    return _provider()
