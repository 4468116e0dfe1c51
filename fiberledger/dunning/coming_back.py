"""Lines set right when money has moved: back on, overdue, or active again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, Q

from fiberledger import calendar
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscribers.states import Status
from fiberledger.subscriptions import services as subscriptions
from fiberledger.subscriptions.models import StatusChange, Subscription

from . import policy, rules
from .by_the_clock import plan_cuts
from .cases import BATCH, Case, cases
from .explaining import why_they_are_off


def reconsider(subscriber_ids: Iterable[int], *, by: Any) -> int:
    """Put back whoever no longer owes what they were cut for, and set active or overdue right; returns lines put back.

    A line cut for another reason than debt stays as it is. Called whenever money has moved.
    """
    # Who owes nothing and has no line to set right is left alone: most payments are of this kind.
    owing = Q(receivable__balance__gt=0)
    off = Subscription.objects.filter(subscriber=OuterRef("pk"), status__in=[Status.SUSPENDED, Status.OVERDUE])
    ids = Subscriber.objects.filter(owing | Exists(off), pk__in=set(subscriber_ids)).lock_all()
    if not ids:
        return 0
    today, ruled = calendar.today(), policy.in_force().rules
    everyone = {case.subscriber_id: case for case in cases({"subscribers": ids}, today=today, all_of_scope=True)}
    cut = Subscription.objects.filter(subscriber_id__in=ids, status=Status.SUSPENDED).values_list("pk", flat=True)
    back: dict[Status, dict[int, list[rules.Link]]] = {Status.ACTIVE: {}, Status.OVERDUE: {}}
    for change in why_they_are_off(list(cut)):
        case = everyone[change.subscriber_id]
        decision = rules.may_come_back(case.facts, ruled, today, rules.cut_for(change.why))
        if not decision.cut:
            status = Status.OVERDUE if decision.is_overdue else Status.ACTIVE
            back[status][change.subscription_id] = list(decision.chain)  # type: ignore[index]
    for status, why in back.items():
        _set(status, why, StatusChange.Reason.PAID, on=today, by=by)
    _set_overdue(everyone.values(), today=today, by=by)
    plan_cuts(ids)
    return sum(len(why) for why in back.values())


def mark_overdue(*, by: Any) -> int:
    """Active lines of whoever is past due become overdue, and overdue ones of whoever is not become active again."""
    today = calendar.today()
    late = cases({}, today=today)
    changed = _set_overdue(late, today=today, by=by)
    late_ids = {case.subscriber_id for case in late if rules.really_overdue(case.facts) > 0}
    cleared = {
        line: [{"rule": "past_due", "says": rules.SPARE, "amount": "0"}]
        for line, subscriber in Subscription.objects.filter(status=Status.OVERDUE).values_list("pk", "subscriber_id")
        if subscriber not in late_ids
    }
    return changed + _set(Status.ACTIVE, cleared, StatusChange.Reason.PAID, on=today, by=by)


def _set_overdue(found: Iterable[Case], *, today: date, by: Any) -> int:
    late: dict[int, list[rules.Link]] = {}
    clear: dict[int, list[rules.Link]] = {}
    lines: dict[int, Case] = {line: case for case in found for line in case.lines}
    stands = dict(Subscription.objects.filter(pk__in=list(lines)).values_list("pk", "status"))
    for line, case in lines.items():
        overdue = rules.really_overdue(case.facts)
        if overdue > 0 and stands.get(line) == Status.ACTIVE:
            late[line] = [
                {
                    "rule": "past_due",
                    "says": rules.GO_ON,
                    "amount": str(overdue.normalize()),
                    "currency": case.facts.currency,
                    "invoices": case.facts.overdue_count,
                    "oldest": case.facts.oldest_number,
                    "due_on": case.facts.oldest_due_on.isoformat() if case.facts.oldest_due_on else None,
                }
            ]
        elif overdue <= 0 and stands.get(line) == Status.OVERDUE:
            clear[line] = [{"rule": "past_due", "says": rules.SPARE, "amount": "0", "currency": case.facts.currency}]
    return _set(Status.OVERDUE, late, StatusChange.Reason.UNPAID, on=today, by=by) + _set(
        Status.ACTIVE, clear, StatusChange.Reason.PAID, on=today, by=by
    )


def _set(status: Status, why: dict[int, list[rules.Link]], reason: str, *, on: date, by: Any) -> int:
    """These lines get the status, each with its own reasons; returns how many they are."""
    ids = list(why)
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        subscriptions.set_status(some, status, reason=reason, why={line: why[line] for line in some}, on=on, by=by)
    return len(ids)
