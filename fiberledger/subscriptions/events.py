"""What happened to subscriptions. Each carries ids, at most EVENT_SIZE of them, so that listeners work side by side."""

from __future__ import annotations

from dataclasses import dataclass

EVENT_SIZE = 1000


@dataclass(frozen=True, slots=True)
class SubscriptionsSold:
    subscription_ids: list[int]


@dataclass(frozen=True, slots=True)
class SubscriptionsChanged:
    """Any change of status, besides the event that names it."""

    subscription_ids: list[int]


@dataclass(frozen=True, slots=True)
class SubscriptionsActivated:
    """From pending, inactive or another state out of service, for the first time or again (but not from suspended)."""

    subscription_ids: list[int]


@dataclass(frozen=True, slots=True)
class SubscriptionsSuspended:
    subscription_ids: list[int]


@dataclass(frozen=True, slots=True)
class SubscriptionsResumed:
    """From suspended back to active or overdue."""

    subscription_ids: list[int]


@dataclass(frozen=True, slots=True)
class SubscriptionsMarkedOverdue:
    subscription_ids: list[int]


@dataclass(frozen=True, slots=True)
class SubscriptionsHeld:
    subscription_ids: list[int]


@dataclass(frozen=True, slots=True)
class SubscriptionsEnded:
    subscription_ids: list[int]


@dataclass(frozen=True, slots=True)
class PlansChanged:
    subscription_ids: list[int]
    plan_change_ids: list[int]
