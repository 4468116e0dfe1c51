"""Subscriptions: who bought what.

Owns: Subscription (one subscriber on one plan at one place) and StatusChange, its append-only history.
Verbs (services): sell, sell_many, set_status and its everyday names (activate, suspend, resume, hold, end, restore),
change_plan, change_price. All take a set; one is a set of one.
Events (events.py): SubscriptionsSold, SubscriptionsActivated, SubscriptionsSuspended, SubscriptionsResumed,
SubscriptionsHeld, SubscriptionsEnded, SubscriptionsMarkedOverdue, SubscriptionsChanged, PlansChanged.
Money and network meet here: dunning sets *suspended*, access obeys it.
"""
