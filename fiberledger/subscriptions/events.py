"""What happened to subscriptions. Each carries ids, at most EVENT_SIZE of them, so that listeners work side by side."""

from __future__ import annotations

from dataclasses import dataclass

EVENT_SIZE = 1000


@dataclass(frozen=True, slots=True)
class SubscriptionsEvent:
    subscription_ids: list[int]


class SubscriptionsSold(SubscriptionsEvent): ...


class SubscriptionsChanged(SubscriptionsEvent):
    """Any change of status, besides the event that names it."""


class SubscriptionsActivated(SubscriptionsEvent):
    """From pending, inactive or another state out of service, for the first time or again (but not from suspended)."""


class SubscriptionsSuspended(SubscriptionsEvent): ...


class SubscriptionsResumed(SubscriptionsEvent):
    """From suspended back to active or overdue."""


class SubscriptionsMarkedOverdue(SubscriptionsEvent): ...


class SubscriptionsHeld(SubscriptionsEvent): ...


class SubscriptionsEnded(SubscriptionsEvent): ...


class AddOnsChanged(SubscriptionsEvent):
    """What these lines have besides their plan is another: something was sold, began, ended, or was taken away."""


@dataclass(frozen=True, slots=True)
class PlansChanged(SubscriptionsEvent):
    plan_change_ids: list[int]
