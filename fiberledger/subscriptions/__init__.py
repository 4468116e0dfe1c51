"""Subscriptions: who bought what.

Owns: Subscription (one subscriber on one plan at one place), StatusChange, its append-only history, and SoldAddOn, what a
line took besides its plan; and PlannedChange, a change of plan that waits for the renewal.
Verbs (services): sell, sell_many, set_status and its everyday names (activate, suspend, resume, hold, end, restore),
change_plan. All take a set; one is a set of one. For changes at the renewal (planned): plan_change, cancel, carry_out. For add-ons (add_ons): sell_add_on, end_add_on, end_all_of.
Questions: line.period_around(day), SoldAddOn.objects.running(at).
Events (events.py): SubscriptionsSold, SubscriptionsActivated, SubscriptionsSuspended, SubscriptionsResumed,
SubscriptionsHeld, SubscriptionsEnded, SubscriptionsMarkedOverdue, SubscriptionsChanged, PlansChanged, AddOnsChanged.
Money and network meet here: dunning sets *suspended*, access obeys it.
"""
