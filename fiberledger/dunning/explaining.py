"""Why a line is off, and what would bring it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fiberledger import calendar
from fiberledger.subscribers.states import Status
from fiberledger.subscriptions.models import StatusChange, Subscription

from . import policy, rules, words
from .cases import cases


def why_they_are_off(line_ids: Sequence[int]) -> list[StatusChange]:
    """The change that cut each of these lines, of those that were cut for debt or by a run."""
    last = (
        StatusChange.objects.filter(subscription_id__in=list(line_ids), new=Status.SUSPENDED)
        .order_by("subscription_id", "-id")
        .distinct("subscription_id")
    )
    return [change for change in last if change.reason == StatusChange.Reason.UNPAID]


@dataclass(frozen=True, slots=True)
class WhyCut:
    """Why a line is off, in sentences; and what would bring it back, decided now. Without a `change` it is cut by the
    clock alone."""

    change: StatusChange | None
    sentences: list[Any]
    now: rules.Decision | None
    facts: rules.Facts | None


def why_cut(subscription: Subscription) -> WhyCut | None:
    """The last time this line was cut, and the chain of rules that led there; None if it never was."""
    if (at := subscription.cut_at) and subscription.is_cut_by_the_clock:
        case = cases({"subscribers": [subscription.subscriber_id]}, today=calendar.today(), all_of_scope=True)[0]
        chain = rules.decide(case.facts, policy.in_force().rules, calendar.today()).chain
        last = {"rule": "by_clock", "says": rules.CUT, "at": at.isoformat()}
        said = [words.say(link) for link in chain if link["rule"] != "cut"]
        return WhyCut(None, [*said, words.say(last)], None, case.facts)
    change = StatusChange.objects.filter(subscription=subscription, new=Status.SUSPENDED).order_by("-id").first()
    if change is None:
        return None
    now = facts = None
    if subscription.status == Status.SUSPENDED and change.reason == StatusChange.Reason.UNPAID:
        case = cases({"subscribers": [subscription.subscriber_id]}, today=calendar.today(), all_of_scope=True)[0]
        facts = case.facts
        now = rules.may_come_back(facts, policy.in_force().rules, calendar.today(), rules.cut_for(change.why))
    return WhyCut(change, [words.say(link) for link in change.why], now, facts)
