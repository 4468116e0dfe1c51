from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs
from fiberledger.catalog.models import Plan, PlanArea, PlanBranch
from fiberledger.places.models import Area
from fiberledger.subscribers import states
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscribers.states import Status
from fiberledger.tenancy import Refusal, current_tenant, current_tenant_id

from . import terms
from .add_ons import end_all_of
from .events import (
    EVENT_SIZE,
    PlansChanged,
    SubscriptionsActivated,
    SubscriptionsChanged,
    SubscriptionsEnded,
    SubscriptionsHeld,
    SubscriptionsMarkedOverdue,
    SubscriptionsResumed,
    SubscriptionsSold,
    SubscriptionsSuspended,
)
from .models import PlanChange, StatusChange, Subscription

Reason = StatusChange.Reason
Lines = QuerySet[Subscription] | Iterable[Subscription | int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a set: the ids that changed, and for the others the status they stand in (and stayed in)."""

    changed: list[int] = field(default_factory=list)
    skipped: dict[int, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changed)


# --- Selling -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sale:
    """One plan for one subscriber. What is None follows the tenant's terms, the plan, or the day it begins."""

    subscriber_id: int
    plan_id: int
    on: date
    status: str | None = None
    billing: str | None = None
    cycle: str | None = None
    anchor_day: int | None = None
    price: Decimal | None = None
    first_period: str | None = None
    free_days: int = 0
    label: str = ""
    ended_on: date | None = None
    billed_until: date | None = None


def sell(
    subscriber: Subscriber,
    plan: Plan,
    *,
    on: date,
    by: Any,
    billing: str | None = None,
    cycle: str | None = None,
    anchor_day: int | None = None,
    price: Decimal | None = None,
    first_period: str | None = None,
    free_days: int = 0,
    label: str = "",
    status: str | None = None,
) -> Subscription:
    """Sell a plan: the line is active from `on`, or pending where that lies ahead or `status` says so.

    Raises Refusal where the plan is not on sale, or not in the subscriber's area or branch, where the subscriber is
    terminated or blacklisted, and for a price of one's own without permission.
    """
    sale = Sale(subscriber.pk, plan.pk, on, status, billing, cycle, anchor_day, price, first_period, free_days, label)
    [pk] = sell_many([sale], by=by)
    return Subscription.objects.select_related("plan", "subscriber").get(pk=pk)


@transaction.atomic
def sell_many(
    sales: Sequence[Sale], *, by: Any, reason: str = Reason.SOLD, check: bool = True, action: str = "subscription.sold"
) -> list[int]:
    """Sell to many at once, all or (Refusal) none; returns subscription ids in the order given.

    `check=False` is for bringing in what was agreed elsewhere: plans off sale, other areas and own prices are taken.
    """
    if not sales:
        return []
    numbers = _lock_subscribers([sale.subscriber_id for sale in sales])
    plans = {plan.pk: plan for plan in Plan.objects.filter(pk__in={sale.plan_id for sale in sales})}
    agreed, today, currency = terms.default(), calendar.today(), current_tenant().currency
    if check:
        _check_sales(sales, Subscriber.objects.in_bulk(numbers), plans, by)
    rows: list[tuple] = []
    for sale in sales:
        plan = plans[sale.plan_id]
        if plan.currency != currency:
            raise Refusal(_("“%(plan)s” is priced in %(currency)s.") % {"plan": plan, "currency": plan.currency})
        cycle = sale.cycle or plan.cycle or agreed.cycle
        anchor = sale.anchor_day or (agreed.anchor_day if cycle == Subscription.Cycle.FIXED else None)
        status = sale.status or (Status.ACTIVE if sale.on <= today else Status.PENDING)
        own_price = None if sale.price is None or sale.price == plan.price else sale.price
        rows.append((
            sale.subscriber_id, plan.pk, str(status), sale.label, sale.billing or agreed.billing, cycle,
            anchor or (1 if cycle == Subscription.Cycle.FIXED else sale.on.day), sale.first_period or agreed.first_period,
            own_price, plan.currency, sale.on, sale.ended_on, sale.billed_until, sale.free_days,
        ))  # fmt: skip
    ids = _insert_sales(rows, reason, by)
    _follow_subscribers([row[0] for row in rows])
    _mark_installed([(row[0], row[10]) for row in rows if row[2] in states.IN_SERVICE])
    audit.note_many(
        by,
        action,
        (
            (
                "subscriptions.subscription",
                pk,
                f"{numbers[row[0]]} · {plans[row[1]].name}",
                None,
                {
                    "plan": plans[row[1]].name,
                    "status": row[2],
                    "price": str(row[8] if row[8] is not None else plans[row[1]].price),
                    "started_on": row[10].isoformat(),
                    "billing": row[4],
                    "cycle": row[5],
                    "anchor_day": row[6],
                },
            )
            for pk, row in zip(ids, rows, strict=True)
        ),
    )
    _publish(SubscriptionsSold, ids)
    return ids


class _Places:
    """Where plans are sold, read once for a set."""

    def __init__(self, plan_ids: Iterable[int]) -> None:
        self.areas: dict[int, set[int]] = {}
        self.branches: dict[int, set[int]] = {}
        ids = list(plan_ids)
        for plan_id, area_id in PlanArea.objects.filter(plan__in=ids).values_list("plan_id", "area_id"):
            self.areas.setdefault(plan_id, set()).add(area_id)
        for plan_id, branch_id in PlanBranch.objects.filter(plan__in=ids).values_list("plan_id", "branch_id"):
            self.branches.setdefault(plan_id, set()).add(branch_id)

    def refusal(self, plan: Plan, area: Area | None, branch_id: int | None) -> str:
        if not plan.is_on_sale:
            return _("“%(plan)s” is not on sale (%(status)s).") % {
                "plan": plan,
                "status": plan.get_status_display().lower(),
            }
        listed = self.areas.get(plan.pk)
        if listed and not (area and listed.intersection((*area.ancestor_ids, area.pk))):
            return _("“%(plan)s” is not sold in %(area)s.") % {"plan": plan, "area": area or _("no area")}
        listed = self.branches.get(plan.pk)
        if listed and branch_id not in listed:
            return _("“%s” is not sold by this branch.") % plan
        return ""


def why_not_sold(plan: Plan, area: Area | None, branch_id: int | None) -> str:
    """Why this plan is not sold at this place, in a sentence; empty where it is."""
    return _Places([plan.pk]).refusal(plan, area, branch_id)


def _check_sales(
    sales: Sequence[Sale], subscribers: Mapping[int, Subscriber], plans: Mapping[int, Plan], by: Any
) -> None:
    areas = Area.objects.in_bulk({subscriber.area_id for subscriber in subscribers.values()})
    places = _Places(plans)
    theirs = set(
        Subscription.objects.live().filter(subscriber__in=list(subscribers))
        .values_list("subscriber_id", "plan_id", "label")
    )  # fmt: skip
    for sale in sales:
        subscriber, plan = subscribers[sale.subscriber_id], plans.get(sale.plan_id)
        if plan is None:
            raise Refusal(_("There is no such plan."))
        if subscriber.is_archived:
            raise Refusal(
                _("%(name)s is %(status)s; restore them first.")
                % {"name": subscriber.name, "status": subscriber.get_status_display().lower()}
            )
        if refusal := places.refusal(plan, areas.get(subscriber.area_id), subscriber.branch_id):
            raise Refusal(refusal)
        if (sale.subscriber_id, sale.plan_id, sale.label) in theirs:
            # A second click, or a second tab, would be billed month after month.
            raise Refusal(
                _("%(name)s has “%(plan)s” already. If this is a second line, give it a label of its own.")
                % {"name": subscriber.name, "plan": plan}
            )
        theirs.add((sale.subscriber_id, sale.plan_id, sale.label))
        if sale.price is not None and sale.price != plan.price and not by.may("subscriptions.price"):
            raise Refusal(_("You may not give a price other than the plan's."))
        if sale.price is not None and (not sale.price.is_finite() or sale.price < 0):
            raise Refusal(_("A price cannot be less than zero."))
        if sale.anchor_day is not None and not 1 <= sale.anchor_day <= 31:
            raise Refusal(_("The billing day lies between 1 and 31."))


def _insert_sales(rows: list[tuple], reason: str, by: Any) -> list[int]:
    columns = list(zip(*rows, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('subscriptions_subscription', 'id')) FROM generate_series(1, %s)",
            [len(rows)],
        )
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            """WITH sold AS (
                 INSERT INTO subscriptions_subscription
                   (id, tenant_id, created_at, subscriber_id, plan_id, status, label, billing, cycle, anchor_day,
                    first_period, price, currency, started_on, ended_on, billed_until, free_days)
                 SELECT new.id, %s, %s, new.subscriber_id, new.plan_id, new.status, new.label, new.billing, new.cycle,
                        new.anchor_day, new.first_period, new.price, new.currency, new.started_on, new.ended_on,
                        new.billed_until, new.free_days
                   FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[],
                               %s::smallint[], %s::text[], %s::numeric[], %s::text[], %s::date[], %s::date[], %s::date[],
                               %s::smallint[])
                     AS new (id, subscriber_id, plan_id, status, label, billing, cycle, anchor_day, first_period, price,
                             currency, started_on, ended_on, billed_until, free_days)
                 RETURNING id, subscriber_id, status, started_on)
               INSERT INTO subscriptions_statuschange
                 (tenant_id, subscriber_id, subscription_id, old, new, "on", at, reason, why, note, actor_name)
               SELECT %s, subscriber_id, id, '', status, started_on, %s, %s, '[]', '', %s FROM sold""",
            [current_tenant_id(), calendar.now(), ids, *map(list, columns),
             current_tenant_id(), calendar.now(), str(reason), by.name[:120]],
        )  # fmt: skip
    return ids


# --- Status --------------------------------------------------------------------------------------------------------


@transaction.atomic
def set_status(
    lines: Lines,
    new: str,
    *,
    reason: str,
    by: Any,
    on: date | None = None,
    why: list | Mapping[int, list] | None = None,
    note: str = "",
    run: int | None = None,
    sources: Iterable[str] | None = None,
) -> Outcome:
    """Move every line that the table of statuses lets go there; the others are skipped and said so.

    Any number of lines in the same few statements. Two runs at once move each line once: the second finds it moved.
    `why` is the chain of rules that led here, one for all or one per subscription id; `sources` narrows from where.
    The subscriber's own status follows its lines. Blacklisting takes all lines of the person.
    """
    new, on = Status(new), on or calendar.today()
    if on > calendar.today():
        raise Refusal(_("A status cannot change on a day to come."))
    froms = [status for status in states.sources_of(new) if sources is None or status in set(map(str, sources))]
    ids = _ids(lines)
    if not ids:
        return Outcome()
    with connection.cursor() as cursor:
        # Table by table: of a tenant too new for statistics PostgreSQL expects one row, and joins by going through all for each.
        cursor.execute(
            "SELECT DISTINCT subscriber_id FROM subscriptions_subscription WHERE id = ANY(%s::bigint[])", [ids]
        )
        people = [row[0] for row in cursor.fetchall()]
        if new in states.ABOUT_THE_PERSON:
            cursor.execute(
                "SELECT id FROM subscriptions_subscription WHERE subscriber_id = ANY(%s::bigint[])", [people]
            )
            ids = sorted(row[0] for row in cursor.fetchall())
        # Subscribers first and in order, as every verb that moves their money or lines does: no two runs deadlock.
        cursor.execute(
            """SELECT count(*) FROM (
                 SELECT 1 FROM subscribers_subscriber WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE) held""",
            [people],
        )
        one_for_all = why if isinstance(why, list) else []
        each = why if isinstance(why, Mapping) else {}
        moved = _move(cursor, ids, new, froms, reason, on, by, note, run, one_for_all, each)
        stayed = {}
        if len(moved) < len(ids):
            went = {pk for pk, _old, _subscriber in moved}
            cursor.execute(
                "SELECT id, status FROM subscriptions_subscription WHERE id = ANY(%s::bigint[])",
                [[pk for pk in ids if pk not in went]],
            )
            stayed = dict(cursor.fetchall())
    if moved:
        _follow_subscribers([subscriber for _pk, _old, subscriber in moved])
        if new in states.IN_SERVICE:
            _mark_installed([(subscriber, on) for _pk, _old, subscriber in moved])
        _note_moves(moved, new, reason, note, by)
        if new in states.OVER:
            end_all_of([pk for pk, _old, _subscriber in moved], by=by, reason=str(_("The line ended")))
        _tell(moved, new)
    return Outcome([pk for pk, _old, _subscriber in moved], stayed)


def _move(
    cursor: Any, ids: list[int], new: Status, froms: list[str], reason: str, on: date, by: Any, note: str,
    run: int | None, one_for_all: list, each: Mapping[int, list],
) -> list[tuple[int, str, int]]:  # fmt: skip
    cursor.execute(
        """WITH moved AS (
             UPDATE subscriptions_subscription s SET status = %(new)s,
                    ended_on = CASE WHEN %(over)s THEN greatest(%(on)s::date, s.started_on) END,
                    resume_on = CASE WHEN %(new)s = 'hold' THEN s.resume_on END,
                    cut_at = CASE WHEN %(new)s IN ('active', 'overdue') AND s.status IN ('active', 'overdue')
                                  THEN s.cut_at END,
                    anchor_day = CASE WHEN %(in_service)s AND s.status = 'pending' AND s.billed_until IS NULL
                                       AND s.cycle = 'anniversary' THEN extract(day FROM %(on)s::date)
                                      ELSE s.anchor_day END,
                    started_on = CASE WHEN %(in_service)s AND s.status = 'pending' AND s.billed_until IS NULL
                                      THEN %(on)s::date ELSE s.started_on END
              WHERE s.id = ANY(%(ids)s::bigint[]) AND s.status = ANY(%(froms)s::text[])
              RETURNING s.id, old.status AS was, s.subscriber_id, s.tenant_id)
           INSERT INTO subscriptions_statuschange
             (tenant_id, subscriber_id, subscription_id, old, new, "on", at, reason, why, note, actor_name, run)
           SELECT m.tenant_id, m.subscriber_id, m.id, m.was, %(new)s, %(on)s, %(at)s, %(reason)s,
                  coalesce(own.why::jsonb, %(why)s::jsonb), %(note)s, %(by)s, %(run)s
             FROM moved m LEFT JOIN unnest(%(own_ids)s::bigint[], %(own_whys)s::text[]) AS own (id, why) USING (id)
           RETURNING subscription_id, old, subscriber_id""",
        {
            "new": str(new), "over": new in states.OVER, "in_service": new in states.IN_SERVICE, "on": on, "ids": ids,
            "froms": froms, "at": calendar.now(), "reason": str(reason), "why": json.dumps(one_for_all, default=str),
            "note": note[:300], "by": by.name[:120], "run": run, "own_ids": list(each),
            "own_whys": [json.dumps(chain, default=str) for chain in each.values()],
        },
    )  # fmt: skip
    return cursor.fetchall()


def _note_moves(moved: list[tuple[int, str, int]], new: Status, reason: str, note: str, by: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.id, b.number || ' ' || b.name || ' · ' || coalesce(nullif(s.label, ''), p.name)
                 FROM subscriptions_subscription s
                 JOIN LATERAL (SELECT * FROM subscribers_subscriber l WHERE l.id = s.subscriber_id LIMIT 1) b ON true
                 JOIN LATERAL (SELECT l.name FROM catalog_plan l WHERE l.id = s.plan_id LIMIT 1) p ON true
                WHERE s.id = ANY(%s::bigint[])""",
            [[pk for pk, _old, _subscriber in moved]],
        )
        labels = dict(cursor.fetchall())
    after = {"status": str(new), "reason": str(reason), **({"note": note} if note else {})}
    audit.note_many(
        by,
        f"subscription.{new}",
        (("subscriptions.subscription", pk, labels[pk], {"status": old}, after) for pk, old, _subscriber in moved),
    )


def _tell(moved: list[tuple[int, str, int]], new: Status) -> None:
    everything = [pk for pk, _old, _subscriber in moved]
    resumed = [pk for pk, old, _subscriber in moved if old == Status.SUSPENDED]
    _publish(SubscriptionsChanged, everything)
    match new:
        case Status.SUSPENDED:
            _publish(SubscriptionsSuspended, everything)
        case Status.HOLD:
            _publish(SubscriptionsHeld, everything)
        case Status.TERMINATED | Status.BLACKLISTED:
            _publish(SubscriptionsEnded, everything)
        case Status.ACTIVE | Status.OVERDUE:
            _publish(SubscriptionsResumed, resumed)
            if new == Status.OVERDUE:
                _publish(SubscriptionsMarkedOverdue, [pk for pk, old, _s in moved if old == Status.ACTIVE])
            else:
                quiet = {Status.SUSPENDED, Status.OVERDUE, Status.DISPUTED}
                _publish(SubscriptionsActivated, [pk for pk, old, _s in moved if Status(old) not in quiet])


def _publish(event: type, ids: list[int]) -> None:
    for start in range(0, len(ids), EVENT_SIZE):
        jobs.publish(event(ids[start : start + EVENT_SIZE]))


def _ids(lines: Lines) -> list[int]:
    if isinstance(lines, QuerySet):
        return sorted(lines.order_by().values_list("pk", flat=True))
    some: Iterable[Any] = lines
    return sorted({getattr(line, "pk", line) for line in some})


def _lock_subscribers(ids: Iterable[int]) -> dict[int, str]:
    """Lock them in order; id → number."""
    wanted = sorted(set(ids))
    locked = Subscriber.objects.among(wanted).order_by("pk").select_for_update(no_key=True)
    found = dict(locked.values_list("pk", "number"))
    if len(found) < len(wanted):
        raise Refusal(_("There is no such subscriber."))
    return found


def _follow_subscribers(subscriber_ids: Iterable[int]) -> None:
    """A subscriber shows the status of those of its lines that comes first in SHOWN_FIRST."""
    rank = {str(status): place for place, status in enumerate(states.SHOWN_FIRST)}
    best: dict[int, str] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT subscriber_id, status FROM subscriptions_subscription WHERE subscriber_id = ANY(%s::bigint[])",
            [sorted(set(subscriber_ids))],
        )
        for subscriber, status in cursor.fetchall():
            if subscriber not in best or rank[status] < rank[best[subscriber]]:
                best[subscriber] = status
        # Handed over as arrays: of a tenant too new for statistics PostgreSQL expects one row, and joins by going through all.
        cursor.execute(
            """UPDATE subscribers_subscriber b SET status = best.status
                 FROM unnest(%s::bigint[], %s::text[]) AS best (id, status)
                WHERE b.id = best.id AND b.status <> best.status""",
            [list(best), list(best.values())],
        )


def _mark_installed(pairs: Iterable[tuple[int, date]]) -> None:
    first: dict[int, date] = {}
    for subscriber, on in pairs:
        first[subscriber] = min(on, first.get(subscriber, on))
    if first:
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE subscribers_subscriber b SET installed_on = new.on
                     FROM unnest(%s::bigint[], %s::date[]) AS new (id, "on")
                    WHERE b.id = new.id AND b.installed_on IS NULL""",
                [list(first), list(first.values())],
            )


@transaction.atomic
def set_cuts(at: Mapping[int, datetime | None]) -> int:
    """From these instants the network treats these lines as suspended, whatever job has or has not run (None: from none).

    The caller has locked their subscribers. Returns how many changed. Money coming in, and whatever else the rules read
    of a subscriber, takes the instant away by itself: PostgreSQL does, in the same transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE subscriptions_subscription s SET cut_at = w.at
                 FROM unnest(%s::bigint[], %s::timestamptz[]) AS w (id, at)
                WHERE s.id = w.id AND s.cut_at IS DISTINCT FROM w.at
                RETURNING s.id, least(old.cut_at, new.cut_at)""",
            [list(at), list(at.values())],
        )
        changed = cursor.fetchall()
    now = calendar.now()
    _publish(SubscriptionsChanged, [pk for pk, earlier in changed if earlier <= now])
    return len(changed)


def withdraw_cuts() -> int:
    """No line is cut by the clock any more; returns how many would have been."""
    return set_cuts(dict.fromkeys(Subscription.objects.filter(cut_at__isnull=False).values_list("pk", flat=True)))


# --- The everyday names --------------------------------------------------------------------------------------------


def activate(lines: Lines, *, by: Any, reason: str = Reason.INSTALLED, **more: Any) -> Outcome:
    """Put lines into service. A pending one begins today: its period is counted from here."""
    return set_status(lines, Status.ACTIVE, reason=reason, by=by, **more)


def suspend(lines: Lines, *, by: Any, reason: str = Reason.UNPAID, **more: Any) -> Outcome:
    """Cut lines for a reason."""
    return set_status(lines, Status.SUSPENDED, reason=reason, by=by, **more)


def resume(lines: Lines, *, by: Any, reason: str = Reason.PAID, **more: Any) -> Outcome:
    """Put suspended, held and overdue lines back in order. The days they were cut are not billed anew."""
    sources = more.pop("sources", (Status.SUSPENDED, Status.HOLD, Status.OVERDUE))
    return set_status(lines, Status.ACTIVE, reason=reason, by=by, sources=sources, **more)


@transaction.atomic
def hold(lines: Lines, *, by: Any, until: date | None = None, reason: str = Reason.REQUEST, **more: Any) -> Outcome:
    """Pause lines at the subscriber's wish; with `until` they come back on that day by themselves."""
    outcome = set_status(lines, Status.HOLD, reason=reason, by=by, **more)
    set_resume_day(Subscription.objects.filter(pk__in=outcome.changed), until)
    return outcome


def set_resume_day(held: QuerySet[Subscription], day: date | None) -> None:
    """Name the day on which held lines come back by themselves; None: when somebody resumes them."""
    if day is not None and day <= calendar.today():
        raise Refusal(_("Choose a day to come for the line to be back."))
    held.filter(status=Status.HOLD).update(resume_on=day)


def end(lines: Lines, *, by: Any, reason: str = Reason.LEFT, **more: Any) -> Outcome:
    """Terminate lines. Nothing is deleted: `restore` brings them back."""
    return set_status(lines, Status.TERMINATED, reason=reason, by=by, **more)


def restore(lines: Lines, *, by: Any, reason: str = Reason.RETURNED, **more: Any) -> Outcome:
    """Bring terminated lines back, out of service until they are activated."""
    sources = (Status.TERMINATED,)
    return set_status(lines, Status.INACTIVE, reason=reason, by=by, sources=sources, **more)


@transaction.atomic
def move_subscribers(
    subscriber_ids: Iterable[int], new: str, *, reason: str, by: Any, note: str = "", on: date | None = None,
    sources: Iterable[str] | None = None,
) -> tuple[int, int]:  # fmt: skip
    """Move people: each of their lines that may go there, or themselves where they have none. Returns (moved, not)."""
    new, on = Status(new), on or calendar.today()
    ids = sorted(set(subscriber_ids))
    allowed = [status for status in states.sources_of(new) if sources is None or status in set(map(str, sources))]
    lines = list(
        Subscription.objects.filter(subscriber__in=ids).values_list("pk", "subscriber_id", "status", "ended_on")
    )
    with_lines = {subscriber for _pk, subscriber, _status, _ended in lines}
    outcome = set_status([line[0] for line in lines], new, reason=reason, by=by, on=on, note=note, sources=sources)
    changed = set(outcome.changed)
    people = {subscriber for pk, subscriber, _status, _ended in lines if pk in changed}
    alone = [pk for pk in ids if pk not in with_lines]
    if alone:
        with connection.cursor() as cursor:
            cursor.execute(
                """WITH moved AS (
                     UPDATE subscribers_subscriber SET status = %(new)s
                      WHERE id = ANY(%(ids)s::bigint[]) AND status = ANY(%(froms)s::text[])
                     RETURNING id, old.status AS was, number || ' ' || name AS label, tenant_id),
                   told AS (
                     INSERT INTO subscriptions_statuschange
                       (tenant_id, subscriber_id, old, new, "on", at, reason, why, note, actor_name)
                     SELECT tenant_id, id, was, %(new)s, %(on)s, %(at)s, %(reason)s, '[]', %(note)s, %(by)s FROM moved)
                   SELECT id, was, label FROM moved""",
                {"new": str(new), "ids": alone, "froms": allowed, "on": on, "at": calendar.now(), "reason": str(reason),
                 "note": note[:300], "by": by.name[:120]},
            )  # fmt: skip
            moved = cursor.fetchall()
        audit.note_many(
            by, f"subscriber.{new}",
            (("subscribers.subscriber", pk, label, {"status": was}, {"status": str(new), "reason": str(reason)})
             for pk, was, label in moved),
        )  # fmt: skip
        people |= {pk for pk, _was, _label in moved}
    return len(people), len(ids) - len(people)


@transaction.atomic
def blacklist(subscriber: Subscriber, *, why: str, by: Any) -> None:
    """Serve this person no more: every line ends, and registering them anew needs permission."""
    if not why.strip():
        raise Refusal(_("Say why; whoever meets them next will want to know."))
    moved, _not = move_subscribers([subscriber.pk], Status.BLACKLISTED, reason=Reason.ABUSE, by=by, note=why)
    if not moved:
        raise Refusal(_("%s is blacklisted already.") % subscriber.name)
    Subscriber.objects.filter(pk=subscriber.pk).update(blacklist_reason=why.strip()[:300])


@transaction.atomic
def lift_blacklist(subscriber: Subscriber, *, by: Any, note: str = "") -> None:
    """Forgive: the person is inactive, and may buy again."""
    moved, _not = move_subscribers(
        [subscriber.pk], Status.INACTIVE, reason=Reason.MISTAKE, by=by, note=note, sources=[Status.BLACKLISTED]
    )
    if not moved:
        raise Refusal(_("%s is not blacklisted.") % subscriber.name)
    Subscriber.objects.filter(pk=subscriber.pk).update(blacklist_reason="")


@transaction.atomic
def withdraw(ids: Iterable[int], *, by: Any) -> int:
    """Take lines back that should never have come: the undo of their import. They end, and are seen nowhere any more.

    The caller has made sure that nothing depends on them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE subscriptions_subscription
                  SET withdrawn_at = %s, status = 'terminated', ended_on = greatest(started_on, %s::date)
                WHERE id = ANY(%s::bigint[]) AND withdrawn_at IS NULL RETURNING id""",
            [calendar.now(), calendar.today(), list(ids)],
        )
        gone = [row[0] for row in cursor.fetchall()]
    audit.note_many(
        by, "subscription.withdrawn", (("subscriptions.subscription", pk, f"#{pk}", None, None) for pk in gone)
    )
    return len(gone)


# --- Plan and price ------------------------------------------------------------------------------------------------


@transaction.atomic
def change_plan(
    subscription: Subscription, plan: Plan, *, by: Any, on: date | None = None, price: Decimal | None = None,
    note: str = "",
) -> PlanChange:  # fmt: skip
    """Put a line on another plan, or on a price of its own, from today or a day past. `price` None: the plan's.

    The change is kept as a row of its own; billing charges the difference from it once.
    """
    on = on or calendar.today()
    _lock_subscribers([subscription.subscriber_id])
    line = Subscription.objects.select_related("plan", "subscriber__area").get(pk=subscription.pk)
    if on < line.started_on:
        raise Refusal(_("The change cannot lie before the subscription began."))
    if on > calendar.today():
        raise Refusal(_("The line changes now, so the change cannot lie ahead; come back on that day."))
    own_price = check_change(line, plan, price, by)
    change = PlanChange.objects.create(
        subscription=line, old_plan=line.plan, new_plan=plan, old_price=line.monthly.amount,
        new_price=plan.price if own_price is None else own_price, on=on, note=note[:300], actor_name=by.name[:120],
    )  # fmt: skip
    Subscription.objects.filter(pk=line.pk).update(plan=plan, price=own_price)
    audit.note(
        by,
        "subscription.plan_changed",
        line,
        before={"plan": line.plan.name, "price": str(change.old_price)},
        after={"plan": plan.name, "price": str(change.new_price), "on": on.isoformat()},
    )
    jobs.publish(PlansChanged([line.pk], [change.pk]))
    return change


def check_change(line: Subscription, plan: Plan, price: Decimal | None, by: Any) -> Decimal | None:
    """The line's own price on that plan (None: the plan's). Raises Refusal where it cannot have the plan at this price."""
    if line.state.is_over:
        raise Refusal(_("This subscription has ended; restore it first."))
    if plan.pk != line.plan_id and (refusal := why_not_sold(plan, line.subscriber.area, line.subscriber.branch_id)):
        raise Refusal(refusal)
    if plan.currency != line.currency:
        raise Refusal(_("“%(plan)s” is priced in %(currency)s.") % {"plan": plan, "currency": plan.currency})
    own_price = None if price is None or price == plan.price else price
    if own_price is not None and own_price < 0:
        raise Refusal(_("A price cannot be less than zero."))
    if own_price is not None and own_price != line.price and not by.may("subscriptions.price"):
        raise Refusal(_("You may not give a price other than the plan's."))
    if plan.pk == line.plan_id and own_price == line.price:
        raise Refusal(_("Nothing would change."))
    return own_price
