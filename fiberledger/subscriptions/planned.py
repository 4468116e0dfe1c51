"""Changes of plan that wait for the renewal: stored, shown, cancelled, and carried out before the new period is billed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from fiberledger import audit, calendar
from fiberledger.catalog.models import Plan
from fiberledger.identity import Actor
from fiberledger.screens.cells import day_text
from fiberledger.subscribers.models import Subscriber
from fiberledger.tenancy import Refusal

from . import services
from .models import PlannedChange, Subscription

State = PlannedChange.State


def renewal_of(line: Subscription) -> date:
    """The first day of the next period that is not billed yet: where another price can begin without a difference."""
    after = line.period_around(calendar.today())[1]
    return max(line.billed_until or after, after)


@transaction.atomic
def plan_change(
    subscription: Subscription, plan: Plan, *, by: Any, price: Decimal | None = None, note: str = ""
) -> PlannedChange:
    """Put a line on another plan, or on a price of its own, at its renewal. `price` None: the plan's of that day.

    Refuses what a change today would be refused for, and a second one while one waits.
    """
    Subscriber.objects.lock(subscription.subscriber_id)
    line = Subscription.objects.select_related("plan", "subscriber__area").get(pk=subscription.pk)
    own_price = services.check_change(line, plan, price, by)
    if waiting := PlannedChange.objects.waiting().filter(subscription=line).first():
        raise Refusal(
            _("A change to %(plan)s waits already for %(day)s; cancel that one first.")
            % {"plan": waiting.plan, "day": day_text(waiting.on)}
        )
    change = PlannedChange.objects.create(
        subscription=line,
        plan=plan,
        price=own_price,
        on=renewal_of(line),
        note=note[:300],
        planned_by_name=by.name[:120],
    )
    audit.note(by, "subscription.change_planned", line, after={"plan": plan.name, "on": change.on.isoformat()})
    return change


@transaction.atomic
def cancel(change: PlannedChange, *, by: Any) -> None:
    """The line keeps its plan."""
    if not _becomes(change, State.CANCELLED):
        raise Refusal(_("This change was carried out or cancelled already."))
    audit.note(by, "subscription.planned_change_cancelled", change.subscription, before={"plan": change.plan.name})


@transaction.atomic
def carry_out(subscription_ids: Iterable[int] | None = None) -> int:
    """Make every change whose day has come, of these lines or of all; returns how many were made.

    What cannot be made any more (the plan is sold there no longer, the line has ended) is refused, and the reason kept.
    """
    due = PlannedChange.objects.waiting().filter(on__lte=calendar.today())
    if subscription_ids is not None:
        due = due.filter(subscription__in=list(subscription_ids))
    by, made = Actor.system(gettext_noop("planned change")), 0
    for change in due.select_related("subscription", "plan").order_by("subscription__subscriber_id", "pk"):
        Subscriber.objects.lock(change.subscription.subscriber_id)
        if not _becomes(change, State.DONE):
            continue  # somebody was faster
        try:
            with transaction.atomic():
                services.change_plan(
                    change.subscription, change.plan, on=change.on, price=change.price, note=change.note, by=by
                )
                made += 1
        except Refusal as refusal:
            PlannedChange.objects.filter(pk=change.pk).update(state=State.REFUSED, why=str(refusal)[:300])
            audit.note(by, "subscription.planned_change_refused", change.subscription, after={"why": str(refusal)})
    return made


def _becomes(change: PlannedChange, state: str) -> bool:
    return bool(PlannedChange.objects.waiting().filter(pk=change.pk).update(state=state, ended_at=calendar.now()))
