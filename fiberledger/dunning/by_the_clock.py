"""Lines that the network cuts by itself on the night, should no worker be there: the instants, from the books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction

from fiberledger import calendar, jobs
from fiberledger.billing.models import Invoice
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscriptions import services as subscriptions
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import current_tenant_id

from . import policy, rules
from .cases import BATCH, NOT_LATE, PAID, cases
from .models import SuspensionPolicy, SuspensionRun
from .previews import lines_on

AFTER_THE_NIGHT = timedelta(hours=1)  # the run comes first, and with it the breaker
_DAY = timedelta(days=1)

_BILLS = f"""
    SELECT i.subscriber_id, i.number, i.due_on, i.total, i.total - coalesce(paid.amount, 0)
      FROM billing_invoice i
      {PAID}
     WHERE i.tenant_id = %(tenant)s AND i.status IN ('issued', 'part_paid')
       {{only}}
     ORDER BY i.due_on, i.id"""


@dataclass(frozen=True, slots=True)
class Expected:
    """The night that would cut a subscriber's lines, if nothing happens before."""

    lines: list[int]
    night: date


def _instant(night: date, hour: int) -> datetime:
    return datetime.combine(night, time(hour), calendar.zone()).astimezone(UTC) + AFTER_THE_NIGHT


def _expected(scope: dict[str, Any], rows: SuspensionPolicy, has: Iterable[tuple]) -> dict[int, Expected]:
    """Whom the coming nights would cut, as things stand, in four queries (more with grace by area and reminders).

    A line that the clock has cut already (`has`: subscriber, line, instant) keeps its night while the rules still want it
    cut; nobody's else lies in the past, or a debt of long ago would be cut the moment that the rules are switched on.
    """
    today = calendar.today()
    coming = today if rows.last_run_on != today and calendar.now() < _instant(today, rows.hour) else today + _DAY
    past = {subscriber: calendar.local(at - AFTER_THE_NIGHT).date() for subscriber, _line, at in has}
    if rows.passes_until is not None and rows.passes_until < min(coming, *past.values(), coming):
        return {}
    only = "AND i.subscriber_id = ANY(%(subscribers)s)" if "subscribers" in scope else ""
    bills: dict[int, list[rules.Bill]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_BILLS.format(only=only), {"tenant": current_tenant_id(), **scope})
        for subscriber, *bill in cursor.fetchall():
            bills.setdefault(subscriber, []).append(rules.Bill(*bill))
    found: dict[int, Expected] = {}
    if not bills:
        return found
    late = {subscriber: (*NOT_LATE[:3], its[0].due_on, its[0].number) for subscriber, its in bills.items()}
    for case in cases(scope, today=today, late=late):
        its = bills[case.subscriber_id]
        first = min(coming, past.get(case.subscriber_id, coming))
        night = rules.first_cut(case.facts, its, rows.rules, first)
        if night is not None and first < night < coming:
            night = rules.first_cut(case.facts, its, rows.rules, coming)
        if night is not None:
            found[case.subscriber_id] = Expected(case.lines, night)
    return found


def _with_a_cut(scope: dict[str, Any]) -> list[tuple[int, int, datetime]]:
    lines = Subscription.objects.filter(cut_at__isnull=False)
    if "subscribers" in scope:
        lines = lines.filter(subscriber_id__in=scope["subscribers"])
    return list(lines.values_list("subscriber_id", "pk", "cut_at"))


def look_ahead() -> list[int]:
    """Find out how many nights the breaker lets pass as things stand, and whose lines need another instant than they
    have: subscriber ids, for `plan_cuts`."""
    rows, has = policy.in_force(), _with_a_cut({})
    rows.passes_until, expected = None, {}
    if rows.enabled and not SuspensionRun.objects.filter(state="stopped").exists():
        expected = _expected({}, rows, has)
        rows.passes_until, on, nights = date.max, lines_on({}), Counter[date]()
        for each in expected.values():
            nights[each.night] += len(each.lines)
        for night, cutting in sorted(nights.items()):
            if rules.breaker(cutting, on, rows.rules).tripped:
                rows.passes_until = night - _DAY
                break
            on -= cutting
    SuspensionPolicy.objects.filter(pk=rows.pk).update(passes_until=rows.passes_until)
    wanted = {(subscriber, *pair) for subscriber, cuts in _cuts(expected, rows).items() for pair in cuts.items()}
    return sorted({subscriber for subscriber, _line, _at in wanted.symmetric_difference(has)})


def _cuts(expected: dict[int, Expected], rows: SuspensionPolicy) -> dict[int, dict[int, datetime]]:
    """By subscriber, the instants of their lines: of the nights that the breaker lets pass."""
    until = rows.passes_until
    return {
        subscriber: dict.fromkeys(each.lines, _instant(each.night, rows.hour))
        for subscriber, each in expected.items()
        if until is not None and each.night <= until
    }


def billed_by(first_id: int, last_id: int) -> list[int]:
    """The subscribers of the invoices whose ids lie between these, one more than a batch at most."""
    invoices = Invoice.objects.filter(pk__gte=first_id, pk__lte=last_id).order_by("subscriber_id")
    return list(invoices.values_list("subscriber_id", flat=True).distinct()[: BATCH + 1])


@transaction.atomic
def plan_cuts(subscriber_ids: Iterable[int]) -> int:
    """Set the instants from which the network itself cuts these subscribers' lines, or take them away; returns how many
    changed. Recomputed from the books: it may be called at any time and any number of times."""
    ids = Subscriber.objects.filter(pk__in=set(subscriber_ids)).lock_all()
    rows, scope = policy.in_force(), {"subscribers": ids}
    has = _with_a_cut(scope)
    at: dict[int, datetime | None] = dict.fromkeys(line for _subscriber, line, _at in has)
    if rows.passes_until is not None:
        for cuts in _cuts(_expected(scope, rows, has), rows).values():
            at.update(cuts)
    return subscriptions.set_cuts(at) if at else 0


def withdraw_cuts() -> None:
    """No line is cut by the clock until a job has looked ahead again: the rules are others, or the breaker has spoken.
    (That job also takes away what somebody planned in the same instant.)"""
    SuspensionPolicy.objects.update(passes_until=None)
    subscriptions.withdraw_cuts()
    look_ahead_soon()


def look_ahead_soon() -> None:
    jobs.enqueue("dunning.look_ahead", queueing_lock="dunning.look_ahead")
