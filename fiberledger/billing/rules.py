"""Which period, how much, and why: the rules of billing as plain arithmetic.

Nothing here knows a database, a clock or a language. Dates come in, decisions come out, and every
charge carries the steps that made it (`why`), which `billing.wording` turns into a sentence for a reader.

A period is half open, `[start, end)`: the day it ends on belongs to the next one. Where periods meet is the line's own
affair (subscriptions.periods).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from fiberledger.subscriptions import periods

PREPAID, POSTPAID = "prepaid", "postpaid"
PRORATE, FULL, FREE, JOIN = "prorate", "full", "free", "join"
SERVED, ALL, LATEST = "served", "all", "latest"
HOLD, CUT = "hold", "cut"

Step = dict[str, Any]


# --- Periods -----------------------------------------------------------------------------------------------


def whole_period(day: date, terms: Terms) -> tuple[date, date]:
    """The whole period that contains this day (subscriptions.periods)."""
    return periods.whole_period(day, terms.anchor_day, terms.started_on, terms.months, terms.days)


@dataclass(frozen=True, slots=True)
class Pause:
    """Days without service. A hold was agreed: only the days served are charged. A cut was earned: a month that had
    begun is charged in full however short it became, but one that begins cut off is charged from the day the line
    comes back, and one that passes without any service is not billed afterwards by itself."""

    start: date
    end: date
    kind: str = CUT


@dataclass(frozen=True, slots=True)
class Terms:
    """What a subscription agreed to, as far as periods are concerned."""

    billing: str
    anchor_day: int
    started_on: date
    ended_on: date | None = None
    billed_until: date | None = None
    first_period: str = PRORATE
    free_days: int = 0
    pauses: tuple[Pause, ...] = ()
    months: int = 1
    days: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of days inside one whole period, and the rule that prices it."""

    start: date
    end: date
    whole_start: date
    whole_end: date
    rule: str = PRORATE
    free: int = 0
    held: int = 0

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def of(self) -> int:
        return (self.whole_end - self.whole_start).days

    @property
    def paid_days(self) -> int:
        return self.days - self.free - self.held

    @property
    def is_whole(self) -> bool:
        return self.start == self.whole_start and self.end == self.whole_end

    @property
    def share(self) -> Fraction:
        """The exact part of one month's price that these days cost."""
        if self.rule == FREE or self.paid_days <= 0:
            return Fraction(0)
        return Fraction(self.paid_days, self.days if self.rule == FULL else self.of)


@dataclass(frozen=True, slots=True)
class Bill:
    """One period to be invoiced once: usually one part, two where a partial first month joins the next."""

    start: date
    end: date
    parts: tuple[Part, ...]
    skip: str = ""

    @property
    def share(self) -> Fraction:
        return sum((part.share for part in self.parts), Fraction(0))


def bills(terms: Terms) -> Iterator[Bill]:
    """Every bill of a subscription from where billing stands, in order, without end unless the service ends."""
    start = terms.started_on if terms.billed_until is None else max(terms.billed_until, terms.started_on)
    while terms.ended_on is None or start < terms.ended_on:
        bill = _bill_from(terms, start)
        yield bill
        start = bill.end


def _bill_from(terms: Terms, start: date) -> Bill:
    whole_start, whole_end = whole_period(start, terms)
    is_first_stub = start == terms.started_on and start != whole_start
    rule = terms.first_period if is_first_stub else PRORATE
    first = _part(terms, start, whole_end, whole_start, whole_end, PRORATE if rule == JOIN else rule)
    if rule != JOIN or first.end != whole_end or first.end == terms.ended_on:
        return Bill(start, first.end, (first,), _skip(terms, start, first.end))
    after = whole_period(whole_end, terms)[1]
    second = _part(terms, whole_end, after, whole_end, after, PRORATE)
    return Bill(start, second.end, (first, second), _skip(terms, start, second.end))


def _part(terms: Terms, start: date, end: date, whole_start: date, whole_end: date, rule: str) -> Part:
    if terms.ended_on is not None and terms.ended_on < end:
        end = terms.ended_on
    if not terms.free_days and not terms.pauses:
        return Part(start, end, whole_start, whole_end, rule)
    free_until = terms.started_on + timedelta(days=terms.free_days)
    free = _overlap(start, end, terms.started_on, free_until)
    after_free = max(start, min(end, free_until))
    held = _covered(after_free, end, [p for p in terms.pauses if p.kind == HOLD or p.start <= start])
    return Part(start, end, whole_start, whole_end, rule, free, held)


def _skip(terms: Terms, start: date, end: date) -> str:
    if terms.pauses and _covered(start, end, terms.pauses) >= (end - start).days:
        return "no_service"
    return ""


def _overlap(start: date, end: date, other_start: date, other_end: date) -> int:
    return max(0, (min(end, other_end) - max(start, other_start)).days)


def _covered(start: date, end: date, pauses: Any) -> int:
    """How many days of `[start, end)` lie in any of the pauses, each day counted once."""
    covered, reached = 0, start
    for pause in sorted(pauses, key=lambda p: p.start):
        covered += _overlap(max(start, reached), end, pause.start, pause.end)
        reached = max(reached, pause.end)
    return covered


def due_on(bill: Bill, billing: str) -> date:
    """The first day on which this bill may be issued: before the period when prepaid, after it when postpaid."""
    return bill.start if billing == PREPAID else bill.end


def due(terms: Terms, as_of: date, back_bill: str = SERVED) -> list[Bill]:
    """The bills that should have been issued by the end of `as_of` and have not been, oldest first.

    A month without any service is not billed afterwards by itself (`served`). Back-billing everything (`all`),
    or only the newest month and forgetting the others (`latest`), are choices that somebody makes in sight of the
    numbers. A bill not to be issued comes back with a reason in `skip`: billing moves past it all the same.
    """
    found: list[Bill] = []
    for bill in bills(terms):
        if due_on(bill, terms.billing) > as_of:
            break
        found.append(bill)
    if back_bill == ALL:
        return [Bill(b.start, b.end, b.parts) if b.skip else b for b in found]
    if back_bill == LATEST and len(found) > 1:
        return [Bill(b.start, b.end, b.parts, b.skip or "forgotten") for b in found[:-1]] + found[-1:]
    return found


# --- Amounts -----------------------------------------------------------------------------------------------


def exact(value: Decimal | int | Fraction | str) -> Fraction:
    if isinstance(value, float):
        raise TypeError("money is never a float")
    return Fraction(value)


def minor_unit(exponent: int) -> Decimal:
    """The smallest coin: Decimal("0.01") for an exponent of 2."""
    return Decimal(1).scaleb(-exponent)


def round_exact(value: Fraction | Decimal, unit: Decimal) -> Decimal:
    """The nearest multiple of `unit`, halves away from zero. The only place where billing rounds."""
    units = exact(value) / exact(unit)
    whole = (2 * abs(units.numerator) + units.denominator) // (2 * units.denominator)
    return (whole if units >= 0 else -whole) * unit


def apply_tax(
    amount: Fraction | Decimal, percent: Decimal, *, inclusive: bool, unit: Decimal, tax_unit: Decimal | None = None
) -> tuple[Decimal, Decimal, Decimal]:
    """(net, tax, total). The printed price is rounded first and the tax is taken of what is printed, so that a
    reader with a calculator arrives at the same figure."""
    tax_unit = tax_unit or unit
    price = round_exact(exact(amount), unit)
    rate = exact(percent) / 100
    if inclusive:
        tax = round_exact(exact(price) * rate / (1 + rate), tax_unit)
        return price - tax, tax, price
    tax = round_exact(exact(price) * rate, tax_unit)
    return price, tax, price + tax


@dataclass(frozen=True, slots=True)
class Line:
    kind: str
    unit_price: Decimal
    net: Decimal
    tax_percent: Decimal
    tax: Decimal
    total: Decimal
    start: date | None
    end: date | None
    why: tuple[Step, ...]
    quantity: Decimal = Decimal(1)
    plan: str = ""


@dataclass(frozen=True, slots=True)
class Price:
    """What one whole month costs, where that figure comes from, and how it is taxed and rounded."""

    amount: Decimal
    source: str = "plan"
    tax_percent: Decimal = Decimal(0)
    tax_inclusive: bool = False
    exponent: int = 2
    step: Decimal | None = None

    @property
    def tax_unit(self) -> Decimal:
        return minor_unit(self.exponent)

    @property
    def unit(self) -> Decimal:
        """Charges are rounded to the coin, or to whatever larger step the tenant rounds to."""
        return max(self.step or self.tax_unit, self.tax_unit)


def _plain(value: Decimal) -> str:
    return format(value, "f")


def _tax_step(price: Price, net: Decimal, tax: Decimal, total: Decimal) -> Step:
    return {
        "rule": "tax_included" if price.tax_inclusive else "tax_added",
        "percent": _plain(price.tax_percent), "net": _plain(net), "tax": _plain(tax), "total": _plain(total),
    }  # fmt: skip


def charge_part(part: Part, price: Price, plan: str = "", kind: str = "plan") -> Line:
    """The line for one part of a bill: of the plan, or (`kind`) of what the line has besides."""
    share = part.share
    net, tax, total = apply_tax(
        exact(price.amount) * share, price.tax_percent,
        inclusive=price.tax_inclusive, unit=price.unit, tax_unit=price.tax_unit,
    )  # fmt: skip
    why: list[Step] = [{"rule": f"{price.source}_price", "price": _plain(price.amount), "plan": plan}]
    days = {"from": part.start.isoformat(), "until": (part.end - timedelta(days=1)).isoformat()}
    if part.rule == FREE:
        why.append({"rule": "first_free", "days": part.days, **days})
    elif part.rule == FULL and not part.is_whole:
        why.append({"rule": "first_full", "days": part.days, "of": part.of, **days})
    elif part.is_whole:
        why.append({"rule": "whole_period", "days": part.days, **days})
    else:
        why.append({"rule": "part_period", "days": part.days, "of": part.of, **days})
    if part.free and part.rule != FREE:
        why.append({"rule": "free_days", "days": part.free, "paid": part.paid_days})
    if part.held and part.rule != FREE:
        why.append({"rule": "not_served", "days": part.held, "paid": part.paid_days})
    if share not in (0, 1):
        why.append({
            "rule": "share", "price": _plain(price.amount), "days": share.numerator, "of": share.denominator,
            "amount": _plain(total if price.tax_inclusive else net),
        })  # fmt: skip
    if price.tax_percent:
        why.append(_tax_step(price, net, tax, total))
    unit_price = total if price.tax_inclusive else net
    return Line(kind, unit_price, net, price.tax_percent, tax, total, part.start, part.end, tuple(why), plan=plan)


def charge_once(kind: str, price: Price, why: Step) -> Line:
    """A line that does not depend on days: installation, deposit, a charge by hand."""
    net, tax, total = apply_tax(
        price.amount, price.tax_percent,
        inclusive=price.tax_inclusive, unit=price.tax_unit, tax_unit=price.tax_unit,
    )  # fmt: skip
    steps = [why] if not price.tax_percent else [why, _tax_step(price, net, tax, total)]
    unit_price = total if price.tax_inclusive else net
    return Line(kind, unit_price, net, price.tax_percent, tax, total, None, None, tuple(steps))


@dataclass(frozen=True, slots=True)
class Fees:
    """What a first invoice asks for once. A deposit is held for the subscriber, so it is never taxed."""

    installation: Decimal = Decimal(0)
    deposit: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Change:
    """From this day on the line costs something else: what it cost before, and what it costs since."""

    on: date
    old: Price
    old_plan: str
    new: Price
    new_plan: str


def in_force(day: date, changes: tuple[Change, ...], price: Price, plan: str) -> tuple[Price, str]:
    """The price of this day. `changes` are in order; without any that is later, it is today's."""
    for change in changes:
        if day < change.on:
            return change.old, change.old_plan
    return price, plan


def split(part: Part, changes: tuple[Change, ...], terms: Terms) -> list[Part]:
    """The part cut at every change of price inside it. A first period charged whole, or not at all, stays whole."""
    days = sorted({change.on for change in changes if part.start < change.on < part.end})
    if not days or part.rule in (FREE, FULL):
        return [part]
    edges = [part.start, *days, part.end]
    return [_part(terms, start, end, part.whole_start, part.whole_end, part.rule) for start, end in pairwise(edges)]


def charge_difference(changes: tuple[Change, ...], until: date, terms: Terms) -> Line | None:
    """What changes of price in days that were billed already still cost, as one line: up to `until`, where billing
    stands. A change and a change back even out; a sum in the subscriber's favour is not paid back, since a cheaper
    plan counts from the next period on."""
    total, steps = Fraction(0), []
    for change in changes:
        if change.on >= until:
            continue
        share, day = Fraction(0), change.on
        while day < until:
            start, end = whole_period(day, terms)
            reached = min(end, until)
            share += Fraction((reached - day).days, (end - start).days)
            day = reached
        total += (exact(change.new.amount) - exact(change.old.amount)) * share
        steps.append({
            "rule": "plan_changed", "plan": change.new_plan, "old": _plain(change.old.amount),
            "new": _plain(change.new.amount), "from": change.on.isoformat(),
            "until": (until - timedelta(days=1)).isoformat(), "share": f"{share.numerator}/{share.denominator}",
        })  # fmt: skip
    if total <= 0:
        return None
    price = changes[-1].new
    net, tax, whole = apply_tax(
        total, price.tax_percent, inclusive=price.tax_inclusive, unit=price.unit, tax_unit=price.tax_unit
    )
    if price.tax_percent:
        steps.append(_tax_step(price, net, tax, whole))
    unit_price = whole if price.tax_inclusive else net
    first = min(change.on for change in changes)
    return Line("change", unit_price, net, price.tax_percent, tax, whole, first, until, tuple(steps))


def charge(
    bill: Bill,
    price: Price,
    *,
    plan: str = "",
    fees: Fees | None = None,
    changes: tuple[Change, ...] = (),
    terms: Terms | None = None,
) -> tuple[Line, ...]:
    """All lines of a bill. Lines that come to nothing are left out; an empty answer means nothing to invoice.

    `changes` of price inside the bill split it, each stretch at the price of its days; `terms` go with them.
    """
    if changes and terms is not None:
        parts = [piece for part in bill.parts for piece in split(part, changes, terms)]
        priced = [(part, *in_force(part.start, changes, price, plan)) for part in parts]
        lines = [charge_part(part, cost, name) for part, cost, name in priced if cost.amount]
    else:
        lines = [charge_part(part, price, plan) for part in bill.parts] if price.amount else []
    if fees:
        if fees.installation:
            lines.append(charge_once("installation", _same_tax(price, fees.installation), {
                "rule": "installation_fee", "price": _plain(fees.installation), "plan": plan}))  # fmt: skip
        if fees.deposit:
            untaxed = Price(fees.deposit, exponent=price.exponent)
            lines.append(charge_once("deposit", untaxed, {
                "rule": "security_deposit", "price": _plain(fees.deposit), "plan": plan}))  # fmt: skip
    return tuple(line for line in lines if line.total)


@dataclass(frozen=True, slots=True)
class AddOn:
    """What a line has besides its plan and is charged for every period: from when, until when, and the days
    (half-open stretches, in order) that were charged already."""

    name: str
    price: Price
    start: date
    end: date | None = None
    charged: tuple[tuple[date, date], ...] = ()


def open_days(add_on: AddOn, start: date, end: date, terms: Terms) -> Iterator[tuple[date, date]]:
    """The stretches of `[start, end)` in which the line had the add-on and was not charged for it."""
    day = max(start, add_on.start, terms.started_on)
    end = min(end, add_on.end or end, terms.ended_on or end)
    for low, high in (*add_on.charged, (end, end)):
        if day < min(low, end):
            yield day, min(low, end)
        day = max(day, high)


def charge_add_on(add_on: AddOn, start: date, end: date, terms: Terms) -> Iterator[Line]:
    """The lines for the days of `[start, end)` that are still to be charged, one for each period they lie in.

    It is charged as its line is: by the day where it began or ended in the middle, the period it began in as the line's
    first one was agreed, and nothing for free days and days without service.
    """
    begins = max(add_on.start, terms.started_on)
    for low, high in open_days(add_on, start, end, terms):
        day = low
        while day < high:
            whole_start, whole_end = whole_period(day, terms)
            began_here = day == begins and day != whole_start and terms.first_period != JOIN
            rule = terms.first_period if began_here else PRORATE
            line = charge_part(
                _part(terms, day, min(whole_end, high), whole_start, whole_end, rule),
                add_on.price,
                add_on.name,
                "add_on",
            )
            if line.total:
                yield line
            day = min(whole_end, high)


def _same_tax(price: Price, amount: Decimal) -> Price:
    return Price(amount, price.source, price.tax_percent, price.tax_inclusive, price.exponent)


def total_of(lines: tuple[Line, ...]) -> tuple[Decimal, Decimal, Decimal]:
    net = sum((line.net for line in lines), Decimal(0))
    tax = sum((line.tax for line in lines), Decimal(0))
    return net, tax, net + tax


# --- Settling ----------------------------------------------------------------------------------------------


def settle(credits: list[tuple[Any, Decimal]], debts: list[tuple[Any, Decimal]]) -> list[tuple[Any, Any, Decimal]]:
    """(credit, debt, amount): each credit in turn pays the debts in turn. Both lists come oldest first.

    The database does this for many subscribers in one statement; this is the same rule in words one can read,
    and the tests hold the two against each other.
    """
    settled: list[tuple[Any, Any, Decimal]] = []
    waiting = [[key, amount] for key, amount in debts if amount > 0]
    for credit, amount in credits:
        while amount > 0 and waiting:
            debt = waiting[0]
            part = min(amount, debt[1])
            settled.append((credit, debt[0], part))
            amount -= part
            debt[1] -= part
            if not debt[1]:
                waiting.pop(0)
    return settled


AGES = ((0, 0), (1, 30), (31, 60), (61, 90), (91, None))


def age_of(due: date, as_of: date) -> int:
    """Which of `AGES` an open invoice belongs to: 0 is not yet due, then 1–30 days late and so on."""
    late = (as_of - due).days
    for place, (_low, high) in enumerate(AGES):
        if high is None or late <= high:
            return place
    raise AssertionError("the last age has no end")
