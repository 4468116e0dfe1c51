"""From subscriptions to decisions: reads a set in a fixed number of queries and asks the pure rules.

Most subscribers share plan, price and period, so an answer is worked out once and looked up afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from fiberledger import calendar, money
from fiberledger.catalog.models import Plan
from fiberledger.ledger.models import LedgerAccount
from fiberledger.subscribers import states
from fiberledger.subscriptions import periods
from fiberledger.subscriptions.models import PlannedChange
from fiberledger.tenancy import current_tenant, current_tenant_id

from . import rules, wording
from .models import BillingPolicy, Skipped

BILLED = sorted(str(status) for status in states.BILLED)
# Out of service for a while. What a postpaid line served before it came to stand here is owed all the same.
PAUSED = sorted(map(str, states.LIVE - states.BILLED - {states.Status.LEAD, states.Status.PENDING}))

# A line that ended long ago and was never billed here was billed elsewhere, before it was brought over.
_FORGET_ENDED_AFTER = timedelta(days=62)


class Candidate(NamedTuple):
    """A subscription as billing reads it."""

    id: int
    subscriber_id: int
    plan_id: int
    price: Decimal | None
    currency: str
    billing: str
    anchor_day: int
    first_period: str
    started_on: date
    ended_on: date | None
    billed_until: date | None
    free_days: int
    language: str
    account_currency: str
    status: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One invoice to be, without the subscriber: many share it."""

    no: int
    plan_id: int
    start: date
    end: date
    due_on: date
    currency: str
    language: str
    lines: tuple[rules.Line, ...]
    texts: tuple[str, ...]
    net: Decimal
    tax: Decimal
    total: Decimal
    credits: tuple[tuple[int, Decimal], ...]
    tax_names: tuple[str, ...]
    plan: dict[str, Any]


class Skip(NamedTuple):
    reason: str
    start: date | None
    end: date | None


class Dealt(NamedTuple):
    """The days of an add-on (by its place among the line's) that stand on an invoice, or (None) cost nothing."""

    add_on: int
    decision: int | None
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one subscription: invoices, periods passed over, how far billing has come, and for which days
    its add-ons are dealt with."""

    decisions: tuple[Decision, ...]
    skips: tuple[Skip, ...]
    billed_until: date | None
    change_ids: tuple[int, ...] = ()
    add_ons: tuple[Dealt, ...] = ()


NOTHING = Outcome((), (), None)


class _Tax(NamedTuple):
    name: str
    account_id: int | None


_Taxed = tuple[rules.Line, _Tax]


@dataclass(frozen=True, slots=True)
class _PlanFacts:
    id: int
    name: str
    price: Decimal
    currency: str
    months: int
    days: int
    fees: rules.Fees
    tax_percent: Decimal
    tax_inclusive: bool
    tax: _Tax
    shown: dict[str, Any]
    status: str


def may_be_due(as_of: date) -> Q:
    """The subscriptions worth asking the rules about."""
    unfinished = Q(ended_on__isnull=True) | Q(ended_on__gt=F("stands_at"))
    recent = Q(billed_until__isnull=False) | Q(started_on__gte=as_of - _FORGET_ENDED_AFTER)
    served = Q(status__in=BILLED) | Q(status__in=PAUSED, billing=rules.POSTPAID) | (Q(ended_on__isnull=False) & recent)
    return Q(stands_at__lte=as_of) & unfinished & served


def candidates(queryset: Any, as_of: date) -> Any:
    return queryset.alias(stands_at=Coalesce("billed_until", "started_on")).filter(may_be_due(as_of))


_READ = """
SELECT s.id, s.subscriber_id, s.plan_id, s.price, s.currency, s.billing, s.anchor_day, s.first_period, s.started_on,
       s.ended_on, s.billed_until, s.free_days, b.language, a.currency, s.status
  FROM subscriptions_subscription s
  JOIN LATERAL (SELECT l.language, l.receivable_id FROM subscribers_subscriber l WHERE l.id = s.subscriber_id LIMIT 1) b ON true
  JOIN LATERAL (SELECT l.currency FROM ledger_ledgeraccount l WHERE l.id = b.receivable_id LIMIT 1) a ON true
 WHERE s.tenant_id = %s AND s.id = ANY(%s) ORDER BY s.id"""


def read(ids: Sequence[int], *, lock: bool = False) -> list[Candidate]:
    with connection.cursor() as cursor:
        cursor.execute(_READ + (" FOR NO KEY UPDATE OF s" if lock else ""), [current_tenant_id(), list(ids)])
        return list(map(Candidate._make, cursor.fetchall()))


_STEPS = """
SELECT subscription_id, "on", new FROM subscriptions_statuschange
 WHERE tenant_id = %s AND subscription_id = ANY(%s)
   AND (new <> ALL(%s) OR (old <> '' AND old <> ALL(%s)))
 ORDER BY subscription_id, "on", id"""


def read_pauses(found: Sequence[Candidate]) -> dict[int, tuple[rules.Pause, ...]]:
    """The days without service that reach into what is not billed yet, by subscription. Most have none."""
    with connection.cursor() as cursor:
        cursor.execute(_STEPS, [current_tenant_id(), [c.id for c in found], BILLED, BILLED])
        steps = cursor.fetchall()
    if not steps:
        return {}
    stands_at = {c.id: c.billed_until or c.started_on for c in found}
    pauses: dict[int, tuple[rules.Pause, ...]] = {}
    for subscription_id, rows in groupby(steps, key=lambda row: row[0]):
        mine = [p for p in pauses_from((on, new) for _id, on, new in rows) if p.end > stands_at[subscription_id]]
        if mine:
            pauses[subscription_id] = tuple(mine)
    return pauses


def pauses_from(steps: Iterable[tuple[date, str]]) -> list[rules.Pause]:
    """Status changes (on, new), in order, as stretches without service."""
    found: list[rules.Pause] = []
    since: tuple[date, str] | None = None
    for on, new in steps:
        if since and on > since[0]:
            found.append(rules.Pause(since[0], on, since[1]))
        if new in states.BILLED:
            since = None
        else:
            since = (on, rules.CUT if new == states.Status.SUSPENDED else rules.HOLD)
    if since:
        found.append(rules.Pause(since[0], date.max, since[1]))
    return found


class Changed(NamedTuple):
    """A change of plan or price that no invoice has taken into account."""

    id: int
    on: date
    old_plan_id: int
    new_plan_id: int
    old_price: Decimal
    new_price: Decimal


_CHANGES = """
SELECT subscription_id, c.id, c."on", c.old_plan_id, c.new_plan_id, c.old_price, c.new_price
  FROM subscriptions_planchange c
 WHERE c.tenant_id = %s AND c.subscription_id = ANY(%s)
   AND NOT EXISTS (SELECT FROM billing_billedchange b WHERE b.tenant_id = c.tenant_id AND b.change_id = c.id)
 ORDER BY subscription_id, c."on", c.id"""


def read_changes(found: Sequence[Candidate]) -> dict[int, tuple[Changed, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_CHANGES, [current_tenant_id(), [c.id for c in found]])
        rows = cursor.fetchall()
    return {pk: tuple(Changed(*row[1:]) for row in mine) for pk, mine in groupby(rows, key=lambda row: row[0])}


class HeldAddOn(NamedTuple):
    """An add-on that is charged every period, without the line that has it: many have the same."""

    name: str
    price: Decimal
    start: date
    end: date | None
    charged: tuple[tuple[date, date], ...]
    tax_inclusive: bool
    tax_percent: Decimal
    tax: _Tax


_ADD_ONS = """
SELECT a.subscription_id, a.id, a.name, a.price, (a.starts_at AT TIME ZONE %(zone)s)::date,
       (a.ends_at AT TIME ZONE %(zone)s)::date, b.lows, b.highs, a.tax_inclusive, t.percent, t.name, t.account_id
  FROM subscriptions_soldaddon a
  LEFT JOIN LATERAL (SELECT r.percent, r.name, r.account_id FROM catalog_taxrate r WHERE r.id = a.tax_id LIMIT 1) t ON true
  CROSS JOIN LATERAL (
    SELECT array_agg(lower(d) ORDER BY d) AS lows, array_agg(upper(d) ORDER BY d) AS highs FROM unnest((
      SELECT range_agg(daterange(c.period_start, c.period_end)) FROM billing_billedaddon c
       WHERE c.tenant_id = %(tenant)s AND c.sold_id = a.id)) d) b
 WHERE a.tenant_id = %(tenant)s AND a.subscription_id = ANY(%(ids)s) AND a.every_period
   AND (a.ends_at IS NULL OR b.highs IS NULL OR (a.ends_at AT TIME ZONE %(zone)s)::date > b.highs[cardinality(b.highs)])
 ORDER BY a.subscription_id, a.id"""


def read_add_ons(found: Sequence[Candidate]) -> dict[int, tuple[tuple[int, HeldAddOn], ...]]:
    """What these subscriptions have besides their plan and are charged for every period, with its id. Most have nothing."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {
            "tenant": current_tenant_id(),
            "ids": [c.id for c in found],
            "zone": calendar.zone().key,
        }
        cursor.execute(_ADD_ONS, values)
        rows = cursor.fetchall()
    held: dict[int, list[tuple[int, HeldAddOn]]] = {}
    for line_id, pk, name, price, start, end, lows, highs, inclusive, percent, tax, account_id in rows:
        charged = tuple(zip(lows or (), highs or (), strict=True))
        held.setdefault(line_id, []).append(
            (
                pk,
                HeldAddOn(
                    name, price, start, end, charged, inclusive, percent or Decimal(0), _Tax(tax or "", account_id)
                ),
            )
        )
    return {pk: tuple(mine) for pk, mine in held.items()}


class Decider:
    """Answers for one `as_of`; keeps what it worked out."""

    def __init__(self, as_of: date, issued_on: date, policy: BillingPolicy, back_bill: str | None = None) -> None:
        self.as_of = as_of
        self.issued_on = issued_on
        self.policy = policy
        self.back_bill = back_bill or policy.back_bill
        self.language = current_tenant().language
        self.plans: dict[int, _PlanFacts] = {}
        self.accounts: dict[tuple[str, str], int] = {}
        self._known: dict[tuple, Outcome] = {}
        self._count = 0

    def forget(self) -> None:
        """Read plans and prices afresh: they may have changed since the last chunk."""
        self.plans.clear()
        self.accounts.clear()
        self._known.clear()

    def prepare(self, found: Sequence[Candidate], changes: Iterable[tuple[Changed, ...]] = ()) -> None:
        wanted = {c.plan_id for c in found}
        for mine in changes:
            wanted.update(pk for change in mine for pk in (change.old_plan_id, change.new_plan_id))
        wanted -= self.plans.keys()
        if wanted:
            for plan in Plan.objects.filter(pk__in=wanted).select_related("tax"):
                self.plans[plan.pk] = self._facts(plan)
        if not self.accounts:
            self.accounts = {
                (role, currency): pk
                for role, currency, pk in LedgerAccount.objects.control().values_list("role", "currency", "pk")
            }

    @staticmethod
    def _facts(plan: Plan) -> _PlanFacts:
        tax = plan.tax
        months, days = periods.span(plan.validity_days)
        return _PlanFacts(
            plan.pk, plan.name, plan.price, plan.currency, months, days,
            rules.Fees(plan.installation_fee, plan.deposit),
            tax.percent if tax else Decimal(0), plan.tax_inclusive,
            _Tax(tax.name, tax.account_id) if tax else _Tax("", None),
            {"name": plan.name, "code": plan.code, "speed": plan.speed, "price": format(plan.price, "f")},
            plan.status,
        )  # fmt: skip

    def decide(
        self, c: Candidate, pauses: tuple[rules.Pause, ...] = (), changes: tuple[Changed, ...] = (),
        add_ons: tuple[HeldAddOn, ...] = (), waits: date | None = None,
    ) -> Outcome:  # fmt: skip
        """`waits`: the day to come on which a change of plan is agreed for."""
        if pauses or changes or waits:
            return self._decide(c, pauses, changes, add_ons, waits)
        start = c.billed_until
        # Where a line began matters to its first bill, to free days, and to periods that are counted from there.
        matters = start is None or c.free_days or self.policy.free_days or self.plans[c.plan_id].months != 1 or add_ons
        begun = c.started_on if matters else None
        key = (c.plan_id, start, begun, c.anchor_day, c.price, c.billing, c.first_period, c.ended_on, c.free_days,
               c.currency, c.language, c.account_currency, add_ons)  # fmt: skip
        outcome = self._known.get(key)
        if outcome is None:
            outcome = self._known[key] = self._decide(c, (), (), add_ons)
        return outcome

    def terms(self, c: Candidate, pauses: tuple[rules.Pause, ...] = ()) -> rules.Terms:
        plan = self.plans[c.plan_id]
        return rules.Terms(
            c.billing, c.anchor_day, c.started_on, c.ended_on, c.billed_until, c.first_period,
            c.free_days or self.policy.free_days, pauses, plan.months, plan.days,
        )  # fmt: skip

    def _decide(
        self, c: Candidate, pauses: tuple[rules.Pause, ...], changed: tuple[Changed, ...],
        held: tuple[HeldAddOn, ...], waits: date | None = None,
    ) -> Outcome:  # fmt: skip
        plan = self.plans[c.plan_id]
        if c.currency != c.account_currency:
            return Outcome((), (Skip(Skipped.Reason.CURRENCY, None, None),), None)
        if ("sales", c.currency) not in self.accounts:
            return Outcome((), (Skip(Skipped.Reason.NO_ACCOUNT, None, None),), None)
        terms = self.terms(c, pauses)
        bills = rules.due(terms, self.as_of, self.back_bill)
        if not bills:
            return NOTHING
        skips: list[Skip] = []
        if waits and bills[-1].end > waits:
            # Billed ahead at today's price it would be charged wrongly: the period begins with another plan.
            skips.append(Skip(Skipped.Reason.PLANNED, waits, bills[-1].end))
            bills = [bill for bill in bills if bill.start < waits]
            if not bills:
                return Outcome((), tuple(skips), None)
        price = self.price(c)
        changes = tuple(self.change(c, one) for one in changed)
        # What was billed at the old price, up to where billing stood before this bill.
        difference = rules.charge_difference(changes, bills[0].start, terms) if changes and c.billed_until else None
        fees: rules.Fees | None = plan.fees if c.billed_until is None else None
        decisions: list[Decision] = []
        dealt: list[Dealt] = []
        add_ons = [self._add_on(one, c.currency) for one in held]
        first = date.min  # the first invoice also asks for days of an add-on in what was billed before it was sold
        for bill in bills:
            if bill.skip:
                skips.append(Skip(bill.skip, bill.start, bill.end))
                dealt += _deal(add_ons, None, terms, (bill.start, bill.end))
                continue
            lines = rules.charge(bill, price, plan=plan.name, fees=fees, changes=changes, terms=terms)
            if difference:
                lines, difference = (*lines, difference), None
            taxed: list[_Taxed] = [(line, plan.tax) for line in lines]
            stretches = ((first, bills[0].start), (bill.start, bill.end))
            for one, add_on in zip(held, add_ons, strict=True):
                for start, end in stretches:
                    taxed += [(line, one.tax) for line in rules.charge_add_on(add_on, start, end, terms)]
            dealt += _deal(add_ons, len(decisions) if taxed else None, terms, *stretches)
            first = bills[0].start
            if not taxed:
                reason = Skipped.Reason.NOTHING_DUE if price.amount else Skipped.Reason.ZERO_PRICE
                skips.append(Skip(reason, bill.start, bill.end))
                continue
            fees = None
            decisions.append(self._decision(c, plan, bill, taxed))
        reached = bills[-1].end
        if c.status in PAUSED:
            # Billed for what it served; the days since are decided on when it comes back, or ends.
            if not decisions:
                return NOTHING
            reached = decisions[-1].end
            skips = [skip for skip in skips if skip.end and skip.end <= reached]
            dealt = [days for days in dealt if days.end <= reached]
        taken = tuple(one.id for one in changed if one.on < reached)
        return Outcome(tuple(decisions), tuple(skips), reached, taken, tuple(dealt))

    def _add_on(self, held: HeldAddOn, currency: str) -> rules.AddOn:
        price = rules.Price(
            held.price,
            "add_on",
            held.tax_percent,
            held.tax_inclusive,
            money.exponent(currency),
            self.policy.rounding_step,
        )
        return rules.AddOn(held.name, price, held.start, held.end, held.charged)

    def change(self, c: Candidate, changed: Changed) -> rules.Change:
        old, new = self.plans[changed.old_plan_id], self.plans[changed.new_plan_id]
        return rules.Change(
            changed.on, self._at(old, changed.old_price, c.currency), old.name,
            self._at(new, changed.new_price, c.currency), new.name,
        )  # fmt: skip

    def _at(self, plan: _PlanFacts, amount: Decimal, currency: str) -> rules.Price:
        return rules.Price(
            amount, "plan" if amount == plan.price else "own", plan.tax_percent, plan.tax_inclusive,
            money.exponent(currency), self.policy.rounding_step,
        )  # fmt: skip

    def price(self, c: Candidate) -> rules.Price:
        plan = self.plans[c.plan_id]
        return self._at(plan, plan.price if c.price is None else c.price, c.currency)

    def _decision(self, c: Candidate, plan: _PlanFacts, bill: rules.Bill, taxed: Sequence[_Taxed]) -> Decision:
        self._count += 1
        lines = tuple(line for line, _tax in taxed)
        net, tax, total = rules.total_of(lines)
        language = c.language or self.language
        due_on = max(self.issued_on, rules.due_on(bill, c.billing)) + timedelta(days=self.policy.due_days)
        credits: dict[int, Decimal] = {}
        for line, of in taxed:
            account = self.income_account(line.kind, c.currency)
            credits[account] = credits.get(account, Decimal(0)) + line.net
            if line.tax:
                account = of.account_id or self.accounts["tax_payable", c.currency]
                credits[account] = credits.get(account, Decimal(0)) + line.tax
        return Decision(
            self._count, c.plan_id, bill.start, bill.end, due_on, c.currency, language, lines,
            tuple(wording.line_text(line, line.plan or plan.name, language) for line in lines),
            net, tax, total, tuple((account, -amount) for account, amount in credits.items() if amount),
            tuple(of.name for _line, of in taxed), plan.shown,
        )  # fmt: skip

    def income_account(self, kind: str, currency: str) -> int:
        role = {
            "plan": "sales",
            "change": "sales",
            "add_on": "sales",
            "deposit": "deposits",
            "opening": "opening_equity",
        }.get(kind, "fees")
        return self.accounts[role, currency]


def decide_all(
    decider: Decider, found: Sequence[Candidate], add_ons: Mapping[int, tuple[tuple[int, HeldAddOn], ...]]
) -> list[tuple[Candidate, Outcome]]:
    """The decision for each, in the same order."""
    pauses, changes = read_pauses(found), read_changes(found)
    held = {pk: tuple(one for _id, one in mine) for pk, mine in add_ons.items()}
    decider.prepare(found, changes.values())
    decide = decider.decide
    waiting = read_waiting(found) if decider.as_of > calendar.today() else {}
    if not pauses and not changes and not held and not waiting:
        return [(c, decide(c)) for c in found]
    return [
        (c, decide(c, pauses.get(c.id, ()), changes.get(c.id, ()), held.get(c.id, ()), waiting.get(c.id)))
        for c in found
    ]


def read_waiting(found: Sequence[Candidate]) -> dict[int, date]:
    """The days to come on which these subscriptions change their plan."""
    waiting = PlannedChange.objects.waiting().filter(subscription__in=[c.id for c in found])
    return dict(waiting.values_list("subscription_id", "on"))


def _deal(
    add_ons: Sequence[rules.AddOn], decision: int | None, terms: rules.Terms, *stretches: tuple[date, date]
) -> list[Dealt]:
    return [
        Dealt(place, decision, low, high)
        for place, add_on in enumerate(add_ons)
        for start, end in stretches
        for low, high in rules.open_days(add_on, start, end, terms)
    ]
