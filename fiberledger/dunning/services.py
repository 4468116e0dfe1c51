from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fiberledger import audit, calendar, jobs, notices
from fiberledger.billing.models import Invoice
from fiberledger.notices import Told
from fiberledger.places.models import Area, Branch
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscribers.states import Status
from fiberledger.subscriptions import services as subscriptions
from fiberledger.subscriptions.models import StatusChange, Subscription
from fiberledger.tenancy import Refusal, current_tenant_id

from . import rules
from .models import AreaGrace, Exemption, SuspensionPolicy, SuspensionRun

# A run cuts lines that are on. Disputed ones are on as well, but a debt before a court is not cut by a machine.
CUTTABLE = (Status.ACTIVE, Status.OVERDUE)
BATCH = 500


def provision() -> None:
    SuspensionPolicy.objects.get_or_create()


def policy() -> SuspensionPolicy:
    return SuspensionPolicy.objects.first() or SuspensionPolicy()


# --- Where ---------------------------------------------------------------------------------------------------------


def scope_for(actor: Any, *, area: Area | None = None, branch: Branch | None = None) -> dict[str, Any]:
    """The place a run is for, within what the actor may see. Plain ids: a job reads it later."""
    scope: dict[str, Any] = {}
    if area is not None:
        scope["area"] = area.pk
    if branch is not None:
        scope["branch"] = branch.pk
    if actor.branch_ids is not None:
        scope["branches"] = sorted(actor.branch_ids)
    if actor.area_ids is not None:
        scope["areas"] = sorted(actor.area_ids)
    if actor.reseller_names is not None:
        scope["resellers"] = sorted(actor.reseller_names)
    if actor.only_assigned:
        scope["collector"] = actor.membership_id
    return scope


def name_of(scope: dict[str, Any]) -> str:
    names = []
    if "area" in scope and (area := Area.objects.filter(pk=scope["area"]).first()):
        names.append(area.full_name)
    if "branch" in scope and (branch := Branch.objects.filter(pk=scope["branch"]).first()):
        names.append(branch.name)
    return " · ".join(names)


def _where(scope: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The scope as a condition on subscriber `s`."""
    conditions, values = [], {}
    for name, condition in (
        ("subscribers", "s.id = ANY(%(subscribers)s)"),
        (
            "area",
            """s.area_id IN (SELECT below.id FROM places_area top JOIN places_area below
                 ON below.tenant_id = top.tenant_id AND below.path >= top.path
                AND below.path < left(top.path, -1) || '0' WHERE top.tenant_id = %(tenant)s AND top.id = %(area)s)""",
        ),
        ("branch", "s.branch_id = %(branch)s"),
        ("branches", "s.branch_id = ANY(%(branches)s)"),
        ("areas", "s.area_id = ANY(%(areas)s)"),
        ("resellers", "s.reseller_name = ANY(%(resellers)s)"),
        ("collector", "s.collector_id = %(collector)s"),
    ):
        if name in scope:
            conditions.append(f"AND {condition}")
            values[name] = scope[name]
    return "\n".join(conditions), values


# --- What is known ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Case:
    """One subscriber before the rules: who, which lines, and the facts."""

    subscriber_id: int
    number: str
    name: str
    area: str
    area_path: str
    lines: list[int]
    facts: rules.Facts


# Open past the due date per subscriber: by the partial index of open invoices; an untouched invoice has no allocations
# to add up.
_OVERDUE = """
    SELECT i.subscriber_id, sum(i.total - coalesce(paid.amount, 0)) AS overdue, sum(i.total) AS billed,
           count(*) AS invoices, min(i.due_on) AS due_on, (array_agg(i.number ORDER BY i.due_on, i.id))[1] AS number
      FROM billing_invoice i
      LEFT JOIN LATERAL (SELECT sum(a.amount) AS amount FROM billing_allocation a
                          WHERE a.invoice_id = i.id AND i.status = 'part_paid') paid ON true
     WHERE i.tenant_id = %(tenant)s AND i.status IN ('issued', 'part_paid') AND i.due_on < %(today)s
       {only}
     GROUP BY i.subscriber_id"""

# Each LATERAL … LIMIT 1 is a look-up by key that no planner can turn around: of a tenant that is new since the last
# ANALYZE it believes that there is one row of everything, and a plain join may then cost the square of what there is.
_PEOPLE = """
    SELECT s.id, s.number, s.name, coalesce(p.name, ''), coalesce(p.path, ''), r.balance, r.currency, s.is_vip,
           x.until, coalesce(x.why, ''), coalesce(x.given_by, '')
      FROM subscribers_subscriber s
      JOIN LATERAL (SELECT a.balance, a.currency FROM ledger_ledgeraccount a WHERE a.id = s.receivable_id LIMIT 1) r
           ON true
      LEFT JOIN LATERAL (SELECT a.name, a.path FROM places_area a WHERE a.id = s.area_id LIMIT 1) p ON true
      LEFT JOIN LATERAL (SELECT e.until, e.why, e.given_by FROM dunning_exemption e
                          WHERE e.tenant_id = s.tenant_id AND e.subscriber_id = s.id AND e.ended_at IS NULL LIMIT 1) x
           ON true
     WHERE s.tenant_id = %(tenant)s {where}
     ORDER BY s.id"""

_LINES = """
    SELECT l.subscriber_id, array_agg(l.id ORDER BY l.id) FROM subscriptions_subscription l
     WHERE l.tenant_id = %(tenant)s AND l.status = ANY(%(statuses)s) AND l.subscriber_id = ANY(%(ids)s::bigint[])
     GROUP BY l.subscriber_id"""


def cases(
    scope: dict[str, Any],
    *,
    today: date,
    mode: str = "policy",
    statuses: Sequence[str] = CUTTABLE,
    all_of_scope: bool = False,
    late: dict[int, tuple] | None = None,
) -> list[Case]:
    """What the rules need to know of everyone in the scope who might be cut, in three queries (more with grace by
    area and reminders), whatever their number.

    `policy` looks at those with something past due, `owing` at those who owe, `everyone` at all with a line on.
    `all_of_scope` gives everyone in the scope, owing or not, with a line or without. `late`: what is past due, by
    subscriber, where the caller has read it.
    """
    where, values = _where(scope)
    values |= {"tenant": current_tenant_id(), "today": today, "statuses": [str(status) for status in statuses]}
    only = "AND i.subscriber_id = ANY(%(subscribers)s)" if "subscribers" in scope else ""
    with connection.cursor() as cursor:
        if late is None:
            cursor.execute(_OVERDUE.format(only=only), values)
            late = {row[0]: row[1:] for row in cursor.fetchall()}
        if all_of_scope or mode == "everyone":
            pass
        elif mode == "owing":
            where += " AND r.balance > 0"
        else:
            where += " AND s.id = ANY(%(late)s::bigint[])"
            values["late"] = list(late)
        cursor.execute(_PEOPLE.format(where=where), values)
        people = cursor.fetchall()
        cursor.execute(_LINES, values | {"ids": [row[0] for row in people]})
        lines = dict(cursor.fetchall())
    found = []
    for pk, number, name, area, path, balance, currency, is_vip, until, why, by in people:
        if not all_of_scope and pk not in lines:
            continue
        overdue, billed, count, due_on, oldest = late.get(pk, _NOT_LATE)
        facts = rules.Facts(
            balance=balance, currency=currency, overdue=overdue, overdue_billed=billed, overdue_count=count,
            oldest_due_on=due_on, oldest_number=oldest, is_vip=is_vip, exempt_until=until, exempt_why=why,
            exempt_by=by,
        )  # fmt: skip
        found.append(Case(pk, number, name, area, path, lines.get(pk, []), facts))
    _add_grace(found)
    if policy().remind_first:
        _add_reminders(found)
    return found


_NOT_LATE = (Decimal(0), Decimal(0), 0, None, "")


def _add_grace(found: list[Case]) -> None:
    own = {grace.area.path: grace for grace in AreaGrace.objects.select_related("area")}
    if not own:
        return
    known: dict[str, AreaGrace | None] = {}
    for case in found:
        if case.area_path not in known:
            path, nearest = case.area_path, None
            while path and path != "/" and nearest is None:
                nearest = own.get(path)
                path = path[: path.rstrip("/").rfind("/") + 1]
            known[case.area_path] = nearest
        if (grace := known[case.area_path]) is not None:
            case.facts = _with(case.facts, grace_days=grace.days, grace_of=grace.area.name)


def _add_reminders(found: list[Case]) -> None:
    from fiberledger.notices.models import Notice

    oldest = min((case.facts.oldest_due_on for case in found if case.facts.oldest_due_on), default=None)
    if oldest is None:
        return
    sent: dict[int, Any] = {}
    for subscriber_id, at in (
        Notice.objects.filter(
            event__in=["invoice.due_soon", "invoice.overdue"],
            state=Notice.State.SENT,
            sent_at__gte=calendar.start_of_day(oldest - timedelta(days=60)),
            subscriber_id__in=[case.subscriber_id for case in found],
        )
        .order_by("sent_at")
        .values_list("subscriber_id", "sent_at")
    ):
        sent.setdefault(subscriber_id, at)
    for case in found:
        if case.subscriber_id in sent:
            case.facts = _with(case.facts, reminded_on=calendar.local(sent[case.subscriber_id]).date())


def _with(facts: rules.Facts, **changes: Any) -> rules.Facts:
    return replace(facts, **changes)


# --- Looking before cutting -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Preview:
    """Who would be cut and who is spared, decided now; nothing has been changed."""

    as_of: date
    mode: str
    scope: dict[str, Any]
    where: str
    cut: list[tuple[Case, rules.Decision]] = field(default_factory=list)
    spared: list[tuple[Case, rules.Decision]] = field(default_factory=list)
    lines_on: int = 0
    breaker: rules.Breaker | None = None

    @property
    def lines(self) -> int:
        return sum(len(case.lines) for case, _decision in self.cut)

    @property
    def vips(self) -> int:
        return sum(case.facts.is_vip for case, _decision in self.cut)

    @property
    def paid_up(self) -> int:
        return sum(case.facts.balance <= 0 for case, _decision in self.cut)

    def owed(self) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = {}
        for case, _decision in self.cut:
            sums[case.facts.currency] = sums.get(case.facts.currency, Decimal(0)) + case.facts.balance
        return sums

    @property
    def spared_by(self) -> dict[str, int]:
        return dict(Counter(decision.rule for _case, decision in self.spared))


def lines_on(scope: dict[str, Any]) -> int:
    """How many lines are in service in the scope: what the breaker's share is of."""
    lines = Subscription.objects.in_service()
    if scope:
        where, values = _where(scope)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT s.id FROM subscribers_subscriber s WHERE s.tenant_id = %(tenant)s {where}",
                {"tenant": current_tenant_id(), **values},
            )
            lines = lines.filter(subscriber_id__in=[row[0] for row in cursor.fetchall()])
    return lines.count()


def preview(*, scope: dict[str, Any], mode: str = "policy", today: date | None = None) -> Preview:
    """Decide for everyone in the scope, and change nothing."""
    today = today or calendar.today()
    ruled = policy().rules
    seen = Preview(today, mode, scope, name_of(scope), lines_on=lines_on(scope))
    for case in cases(scope, today=today, mode=mode):
        decision = rules.decide(case.facts, ruled, today, mode)  # type: ignore[arg-type]
        (seen.cut if decision.cut else seen.spared).append((case, decision))
    seen.breaker = _breaker(seen.lines, seen.lines_on, ruled, scope, mode)
    return seen


def _breaker(cutting: int, on: int, ruled: rules.Rules, scope: dict[str, Any], mode: str) -> rules.Breaker:
    """The breaker guards against a run that goes wrong: a street that a person chose by hand is measured against
    every line of the tenant, or no street could ever be cut."""
    if mode != "policy" or "area" in scope or "branch" in scope:
        on = lines_on({})
    return rules.breaker(cutting, on, ruled)


# --- The run ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def start_run(
    *, scope: dict[str, Any], mode: str = "policy", by: Any, note: str = "", by_night: bool = False
) -> SuspensionRun:
    """Begin cutting: writes the run and its job. Who is cut is decided again, under lock, when their turn comes.

    Refuses while another run is going on, and `everyone` without the permission and a reason.
    """
    if not by.may("dunning.run"):
        raise Refusal(_("Cutting lines needs someone with that permission."))
    if mode == "everyone":
        if not by.may("dunning.cut_everyone"):
            raise Refusal(_("Cutting lines that are paid for needs someone with that permission."))
        if len(note.strip()) < 3:
            raise Refusal(_("Say why lines that are paid for are cut."))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('dunning.run', %s))", [current_tenant_id()])
    going_on = SuspensionRun.objects.filter(state__in=["waiting", "running"]).first()
    if going_on is not None:
        raise Refusal(_("A suspension run is going on already; wait until it has ended."))
    SuspensionRun.objects.filter(state="stopped").update(state="cancelled", ended_at=calendar.now())
    suspension = SuspensionRun.objects.create(
        as_of=calendar.today(),
        mode=mode,
        scope=scope,
        scope_name=name_of(scope)[:300],
        note=note.strip()[:200],
        by_night=by_night,
        started_by=by.name[:160],
    )
    _queue(suspension, by)
    audit.note(by, "suspension.started", suspension, mode=mode, where=suspension.scope_name, note=suspension.note)
    return suspension


def _queue(suspension: SuspensionRun, by: Any) -> None:
    title = _("Suspension") + (f": {suspension.scope_name}" if suspension.scope_name else "")
    run = jobs.start_run(
        "suspension",
        title[:200],
        "dunning.run_suspension",
        by=by,
        url=reverse("dunning:run", args=[suspension.pk]),
        suspension_id=suspension.pk,
    )
    SuspensionRun.objects.filter(pk=suspension.pk).update(run=run)
    suspension.run = run


@transaction.atomic
def lift_breaker(suspension: SuspensionRun, *, by: Any) -> SuspensionRun:
    """A person looked, and lets the stopped run go on."""
    if not by.may("dunning.lift_breaker"):
        raise Refusal(_("Lifting the breaker needs someone with that permission."))
    if not SuspensionRun.objects.filter(pk=suspension.pk, state="stopped").update(
        state="waiting", lifted_by=by.name[:160], lifted_at=calendar.now()
    ):
        raise Refusal(_("This run is not stopped any more."))
    suspension.refresh_from_db()
    _queue(suspension, by)
    audit.note(by, "suspension.breaker_lifted", suspension, to_cut=suspension.to_cut, lines_on=suspension.lines_on)
    return suspension


@transaction.atomic
def cancel_run(suspension: SuspensionRun, *, by: Any) -> None:
    """A person looked, and does not want it: nobody is cut."""
    if not SuspensionRun.objects.filter(pk=suspension.pk, state="stopped").update(
        state="cancelled", ended_at=calendar.now()
    ):
        raise Refusal(_("This run is not stopped any more."))
    look_ahead_soon()
    audit.note(by, "suspension.cancelled", suspension)


def cut_batch(suspension: SuspensionRun, subscriber_ids: Sequence[int], *, by: Any) -> tuple[int, Counter[str]]:
    """Cut those of the batch whom the rules still want cut now; returns how many lines, and who was spared by what.

    Their rows are locked first, in order, and everything is read again after: a payment that came a moment ago is
    seen, one that comes a moment later waits and then puts the line back.
    """
    list(
        Subscriber.objects.filter(pk__in=list(subscriber_ids))
        .order_by("pk")
        .select_for_update(no_key=True, of=("self",))
        .values_list("pk", flat=True)
    )
    today, ruled, mode = calendar.today(), policy().rules, suspension.mode
    spared: Counter[str] = Counter()
    why: dict[int, list[rules.Link]] = {}
    for case in cases({"subscribers": list(subscriber_ids)}, today=today, mode=mode):
        decision = rules.decide(case.facts, ruled, today, mode)  # type: ignore[arg-type]
        if decision.cut:
            why.update((line, list(decision.chain)) for line in case.lines)
        else:
            spared[decision.rule] += 1
    cut = 0
    if why:
        outcome = subscriptions.set_status(
            list(why),
            Status.SUSPENDED,
            reason=StatusChange.Reason.OTHER if mode == "everyone" else StatusChange.Reason.UNPAID,
            why=why,
            on=today,
            by=by,
            note=suspension.note,
            run=suspension.pk,
            sources=CUTTABLE,
        )
        cut = len(outcome.changed)
    return cut, spared


# --- By the clock ---------------------------------------------------------------------------------------------------------

AFTER_THE_NIGHT = timedelta(hours=1)  # the run comes first, and with it the breaker

_BILLS = """
    SELECT i.subscriber_id, i.number, i.due_on, i.total, i.total - coalesce(paid.amount, 0)
      FROM billing_invoice i
      LEFT JOIN LATERAL (SELECT sum(a.amount) AS amount FROM billing_allocation a
                          WHERE a.invoice_id = i.id AND i.status = 'part_paid') paid ON true
     WHERE i.tenant_id = %(tenant)s AND i.status IN ('issued', 'part_paid')
       {only}
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
    late = {subscriber: (*_NOT_LATE[:3], its[0].due_on, its[0].number) for subscriber, its in bills.items()}
    for case in cases(scope, today=today, late=late):
        its = bills[case.subscriber_id]
        first = min(coming, past.get(case.subscriber_id, coming))
        night = rules.first_cut(case.facts, its, rows.rules, first)
        if night is not None and first < night < coming:
            night = rules.first_cut(case.facts, its, rows.rules, coming)
        if night is not None:
            found[case.subscriber_id] = Expected(case.lines, night)
    return found


_DAY = timedelta(days=1)


def _with_a_cut(scope: dict[str, Any]) -> list[tuple[int, int, datetime]]:
    lines = Subscription.objects.filter(cut_at__isnull=False)
    if "subscribers" in scope:
        lines = lines.filter(subscriber_id__in=scope["subscribers"])
    return list(lines.values_list("subscriber_id", "pk", "cut_at"))


def look_ahead() -> list[int]:
    """Find out how many nights the breaker lets pass as things stand, and whose lines need another instant than they
    have: subscriber ids, for `plan_cuts`."""
    rows, has = policy(), _with_a_cut({})
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
    ids = list(
        Subscriber.objects.filter(pk__in=set(subscriber_ids))
        .order_by("pk")
        .select_for_update(no_key=True, of=("self",))
        .values_list("pk", flat=True)
    )
    rows, scope = policy(), {"subscribers": ids}
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


# --- Coming back ----------------------------------------------------------------------------------------------------------


def reconsider(subscriber_ids: Iterable[int], *, by: Any) -> int:
    """Put back whoever no longer owes what they were cut for, and set active or overdue right; returns lines put back.

    A line cut for another reason than debt stays as it is. Called whenever money has moved.
    """
    # Who owes nothing and has no line to set right is left alone: most payments are of this kind.
    ids = list(
        Subscriber.objects.filter(pk__in=set(subscriber_ids))
        .filter(
            Q(receivable__balance__gt=0)
            | Exists(
                Subscription.objects.filter(subscriber=OuterRef("pk"), status__in=[Status.SUSPENDED, Status.OVERDUE])
            )
        )
        .order_by("pk")
        .select_for_update(no_key=True, of=("self",))
        .values_list("pk", flat=True)
    )
    if not ids:
        return 0
    today, ruled = calendar.today(), policy().rules
    everyone = {
        case.subscriber_id: case
        for case in cases({"subscribers": ids}, today=today, all_of_scope=True, statuses=CUTTABLE)
    }
    cut: dict[int, list[Subscription]] = {}
    for line in Subscription.objects.filter(subscriber_id__in=ids, status=Status.SUSPENDED).order_by("pk"):
        cut.setdefault(line.subscriber_id, []).append(line)
    back: dict[str, dict[int, list[rules.Link]]] = {Status.ACTIVE: {}, Status.OVERDUE: {}}
    for change in _why_they_are_off([line.pk for lines in cut.values() for line in lines]):
        case = everyone[change.subscriber_id]
        decision = rules.may_come_back(case.facts, ruled, today, rules.cut_for(change.why))
        if not decision.cut:
            status = Status.OVERDUE if decision.is_overdue else Status.ACTIVE
            back[status][change.subscription_id] = list(decision.chain)  # type: ignore[index]
    for status, why in back.items():
        if why:
            subscriptions.set_status(list(why), status, reason=StatusChange.Reason.PAID, why=why, on=today, by=by)
    _set_overdue(everyone.values(), today=today, by=by)
    plan_cuts(ids)
    return sum(len(why) for why in back.values())


def _why_they_are_off(line_ids: Sequence[int]) -> list[StatusChange]:
    """The change that cut each of these lines, of those that were cut for debt or by a run."""
    last = (
        StatusChange.objects.filter(subscription_id__in=list(line_ids), new=Status.SUSPENDED)
        .order_by("subscription_id", "-id")
        .distinct("subscription_id")
    )
    return [change for change in last if change.reason == StatusChange.Reason.UNPAID]


def mark_overdue(*, by: Any) -> int:
    """Active lines of whoever is past due become overdue, and overdue ones of whoever is not become active again."""
    today = calendar.today()
    late = cases({}, today=today)
    changed = _set_overdue(late, today=today, by=by)
    late_ids = {case.subscriber_id for case in late if rules.really_overdue(case.facts) > 0}
    cleared = [
        line
        for line, subscriber in Subscription.objects.filter(status=Status.OVERDUE).values_list("pk", "subscriber_id")
        if subscriber not in late_ids
    ]
    for start in range(0, len(cleared), BATCH):
        some = cleared[start : start + BATCH]
        chain = [{"rule": "past_due", "says": rules.SPARE, "amount": "0"}]
        subscriptions.set_status(some, Status.ACTIVE, reason=StatusChange.Reason.PAID, why=chain, on=today, by=by)
    return changed + len(cleared)


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
    for status, why, reason in (
        (Status.OVERDUE, late, StatusChange.Reason.UNPAID),
        (Status.ACTIVE, clear, StatusChange.Reason.PAID),
    ):
        ids = list(why)
        for start in range(0, len(ids), BATCH):
            some = ids[start : start + BATCH]
            subscriptions.set_status(
                some, status, reason=reason, why={line: why[line] for line in some}, on=today, by=by
            )
    return len(late) + len(clear)


# --- Sparing ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def exempt(subscriber: Subscriber, *, until: date | None, why: str, by: Any) -> Exemption:
    """Spare this subscriber from every run until that day (or until it is ended); a newer exemption replaces the old."""
    if not by.may("dunning.exempt"):
        raise Refusal(_("Sparing someone needs someone with that permission."))
    why = why.strip()
    if len(why) < 3:
        raise Refusal(_("Say why they are spared."))
    if until is not None and until < calendar.today():
        raise Refusal(_("That day is past."))
    Subscriber.objects.lock(subscriber.pk)
    Exemption.objects.filter(subscriber=subscriber, ended_at__isnull=True).update(
        ended_at=calendar.now(), ended_by=by.name[:160]
    )
    exemption = Exemption.objects.create(subscriber=subscriber, until=until, why=why[:200], given_by=by.name[:160])
    plan_cuts([subscriber.pk])
    audit.note(by, "exemption.given", subscriber, after={"until": until, "why": why})
    return exemption


@transaction.atomic
def end_exemption(exemption: Exemption, *, by: Any) -> None:
    if not by.may("dunning.exempt"):
        raise Refusal(_("Sparing someone needs someone with that permission."))
    if Exemption.objects.filter(pk=exemption.pk, ended_at__isnull=True).update(
        ended_at=calendar.now(), ended_by=by.name[:160]
    ):
        plan_cuts([exemption.subscriber_id])
        audit.note(by, "exemption.ended", exemption.subscriber, before={"until": exemption.until, "why": exemption.why})


@transaction.atomic
def forgive(subscriber: Subscriber, *, until: date, why: str, by: Any) -> int:
    """Put a subscriber's lines back although they owe, and spare them until that day; returns lines put back."""
    if not by.may("dunning.forgive"):
        raise Refusal(_("Putting a line back unpaid needs someone with that permission."))
    subscriber = Subscriber.objects.lock(subscriber.pk)
    why = why.strip()
    if len(why) < 3:
        raise Refusal(_("Say why: it stands in the audit log."))
    today = calendar.today()
    if until < today or until > today + timedelta(days=366):
        raise Refusal(_("Choose a day from today on, at most a year ahead."))
    Exemption.objects.filter(subscriber=subscriber, ended_at__isnull=True).update(
        ended_at=calendar.now(), ended_by=by.name[:160]
    )
    Exemption.objects.create(subscriber=subscriber, until=until, why=why[:200], given_by=by.name[:160])
    case = cases({"subscribers": [subscriber.pk]}, today=today, all_of_scope=True)[0]
    status = Status.OVERDUE if rules.really_overdue(case.facts) > 0 else Status.ACTIVE
    lines = list(
        Subscription.objects.filter(subscriber=subscriber, status=Status.SUSPENDED).values_list("pk", flat=True)
    )
    if not lines:
        raise Refusal(_("No line of theirs is suspended."))
    chain = [{"rule": "forgiven", "says": rules.SPARE, "why": why, "by": by.name, "until": until.isoformat()}]
    subscriptions.set_status(lines, status, reason=StatusChange.Reason.OTHER, why=chain, on=today, by=by, note=why)
    plan_cuts([subscriber.pk])
    audit.note(by, "suspension.forgiven", subscriber, after={"until": until, "lines": len(lines)}, why=why)
    return len(lines)


# --- Why ----------------------------------------------------------------------------------------------------------------


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
    from . import words

    if (at := subscription.cut_at) and subscription.is_cut_by_the_clock:
        case = cases({"subscribers": [subscription.subscriber_id]}, today=calendar.today(), all_of_scope=True)[0]
        chain = rules.decide(case.facts, policy().rules, calendar.today()).chain
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
        now = rules.may_come_back(facts, policy().rules, calendar.today(), rules.cut_for(change.why))
    return WhyCut(change, [words.say(link) for link in change.why], now, facts)


# --- Telling ------------------------------------------------------------------------------------------------------------

_REMIND = """
    SELECT i.id, i.subscriber_id, i.number, i.due_on, i.currency, i.total - coalesce(paid.amount, 0)
      FROM billing_invoice i
      JOIN LATERAL (SELECT n.status, n.receivable_id FROM subscribers_subscriber n
                     WHERE n.id = i.subscriber_id LIMIT 1) s ON true
      JOIN LATERAL (SELECT a.balance FROM ledger_ledgeraccount a WHERE a.id = s.receivable_id LIMIT 1) r ON true
      LEFT JOIN LATERAL (SELECT sum(a.amount) AS amount FROM billing_allocation a
                          WHERE a.invoice_id = i.id AND i.status = 'part_paid') paid ON true
     WHERE i.tenant_id = %(tenant)s AND i.status IN ('issued', 'part_paid') AND r.balance > 0
       AND i.due_on >= %(first)s AND i.due_on <= %(last)s
       AND s.status NOT IN ('terminated', 'blacklisted')"""


def remind() -> int:
    """Prepare reminders: before the due date, and when it has passed. Each invoice once each; returns how many."""
    today = calendar.today()
    prepared = 0
    for event, first, last in (
        ("invoice.due_soon", today, today + timedelta(days=policy().remind_before_days)),
        ("invoice.overdue", today - timedelta(days=30), today - timedelta(days=1)),
    ):
        with connection.cursor() as cursor:
            cursor.execute(_REMIND, {"tenant": current_tenant_id(), "first": first, "last": last})
            told = [
                Told(
                    subscriber_id,
                    f"invoice:{invoice_id}",
                    {
                        "invoice_no": number,
                        "due_date": due_on.isoformat(),
                        "currency": currency,
                        "amount": str(amount),
                    },
                )
                for invoice_id, subscriber_id, number, due_on, currency, amount in cursor.fetchall()
            ]
        prepared += notices.queue_many(event, told)
    return prepared


def tell_suspended(subscription_ids: Sequence[int]) -> int:
    """Prepare the message that says a line was cut for debt: one a subscriber and day."""
    told = {}
    for change in _why_they_are_off(subscription_ids):
        said: dict[str, rules.Link] = {link["rule"]: link for link in change.why}
        link = said.get("past_due") or said.get("balance") or {}
        told[change.subscriber_id] = Told(
            change.subscriber_id,
            f"suspended:{change.subscriber_id}:{change.on.isoformat()}",
            {
                "amount": link.get("amount") or link.get("balance") or "",
                "currency": link.get("currency", ""),
                "due_date": link.get("due_on") or "",
            },
        )
    return notices.queue_many("service.suspended", told.values())


def tell_resumed(subscription_ids: Sequence[int]) -> int:
    """Prepare the message that says a line is back, and take back the one that said it was cut, if it waits still."""
    ids = list(
        Subscription.objects.filter(pk__in=list(subscription_ids), status__in=CUTTABLE)
        .values_list("subscriber_id", flat=True)
        .distinct()
    )
    notices.drop(ids, ["service.suspended"], _("The line is back on"))
    day = calendar.today().isoformat()
    return notices.queue_many("service.resumed", [Told(pk, f"resumed:{pk}:{day}") for pk in ids])


def title_of(suspension: SuspensionRun) -> str:
    return ngettext("%(n)d line cut", "%(n)d lines cut", suspension.cut) % {"n": suspension.cut}
