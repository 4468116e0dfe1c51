"""Who is cut, who is spared, and why: pure functions from facts to a chain of reasons. No database, no clock.

A chain is a list of links in the order the rules were asked; the first rule that spares ends it. A link is a plain dict
(it is stored as JSON beside the status change): the rule's code, what it said, and the figures it looked at.
`words.say` puts a link in the reader's language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

Link = dict[str, Any]
Mode = Literal["policy", "owing", "everyone"]

SPARE, GO_ON, CUT = "spare", "go on", "cut"


@dataclass(frozen=True, slots=True)
class Rules:
    """The tenant's policy, as the rules read it. None switches a rule off."""

    grace_days: int = 5
    exempt_vip: bool = True
    part_paid_percent: Decimal | None = None
    least_owed: Decimal = Decimal(0)
    remind_first: bool = False
    resume: Literal["paid", "part"] = "paid"
    breaker_percent: Decimal | None = Decimal(25)
    breaker_least: int = 10


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one subscriber at the moment of deciding. Amounts are in one currency.

    `balance` is the ledger's word (positive: they owe); `overdue` is what is open on invoices whose due date has
    passed, `overdue_billed` what those invoices came to.
    """

    balance: Decimal
    currency: str
    overdue: Decimal = Decimal(0)
    overdue_billed: Decimal = Decimal(0)
    overdue_count: int = 0
    oldest_due_on: date | None = None
    oldest_number: str = ""
    is_vip: bool = False
    grace_days: int | None = None
    grace_of: str = ""
    exempt_until: date | None = None
    exempt_why: str = ""
    exempt_by: str = ""
    reminded_on: date | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    cut: bool
    is_overdue: bool
    chain: tuple[Link, ...]

    @property
    def rule(self) -> str:
        """The rule that had the last word."""
        return self.chain[-1]["rule"]


def _text(amount: Decimal) -> str:
    return format(amount.normalize(), "f") if amount else "0"


def really_overdue(facts: Facts) -> Decimal:
    """Open past the due date, less whatever credit the subscriber has that no invoice took yet."""
    return max(min(facts.overdue, facts.balance), Decimal(0))


def decide(facts: Facts, rules: Rules, today: date, mode: Mode = "policy") -> Decision:
    """Should this subscriber's lines be cut today?

    `policy` asks every rule. `owing` (a street cut by hand) does not wait for the due date or for grace, yet spares
    whoever owes nothing, VIPs and the exempt. `everyone` asks nothing: the person who pressed the button answers for it.
    """
    if mode == "everyone":
        return Decision(True, False, ({"rule": "by_hand", "says": CUT, "on": today.isoformat()},))

    chain: list[Link] = [{"rule": "owing", "says": GO_ON}] if mode == "owing" else []
    overdue = really_overdue(facts)

    def ask(rule: str, spares: bool, **figures: Any) -> bool:
        chain.append({"rule": rule, "says": SPARE if spares else GO_ON, **figures})
        return spares

    def done(cut: bool) -> Decision:
        if cut:
            chain.append({"rule": "cut", "says": CUT, "on": today.isoformat()})
        return Decision(cut, overdue > 0, tuple(chain))

    if ask("balance", facts.balance <= 0, balance=_text(facts.balance), currency=facts.currency):
        return done(False)

    if mode == "policy":
        due = facts.oldest_due_on
        past = due is not None and overdue > 0
        if ask(
            "past_due",
            not past,
            amount=_text(overdue),
            currency=facts.currency,
            invoices=facts.overdue_count,
            oldest=facts.oldest_number,
            due_on=due.isoformat() if due else None,
        ):
            return done(False)
        assert due is not None
        days = rules.grace_days if facts.grace_days is None else facts.grace_days
        last = due + timedelta(days=days)
        if ask("grace", today <= last, days=days, of=facts.grace_of, until=last.isoformat(), today=today.isoformat()):
            return done(False)

    if rules.exempt_vip and ask("vip", facts.is_vip, vip=facts.is_vip):
        return done(False)

    if facts.exempt_why or facts.exempt_until:
        holds = facts.exempt_until is None or facts.exempt_until >= today
        if ask(
            "exempt",
            holds,
            until=facts.exempt_until.isoformat() if facts.exempt_until else None,
            why=facts.exempt_why,
            by=facts.exempt_by,
        ):
            return done(False)

    if rules.least_owed and ask(
        "least_owed",
        (overdue if mode == "policy" else facts.balance) < rules.least_owed,
        owed=_text(overdue if mode == "policy" else facts.balance),
        least=_text(rules.least_owed),
        currency=facts.currency,
    ):
        return done(False)

    if mode == "policy" and _part_paid(facts, rules, ask):
        return done(False)

    if mode == "policy" and rules.remind_first:
        reminded = facts.reminded_on is not None and facts.reminded_on < today
        if ask("reminder", not reminded, on=facts.reminded_on.isoformat() if facts.reminded_on else None):
            return done(False)

    return done(True)


@dataclass(frozen=True, slots=True)
class Bill:
    """An open invoice, whenever it is due."""

    number: str
    due_on: date
    total: Decimal
    open: Decimal


def on_day(facts: Facts, bills: Sequence[Bill], day: date) -> Facts:
    """The facts as they will be on that day if nothing happens before. `bills` in the order they are due."""
    late = [bill for bill in bills if bill.due_on < day]
    return replace(
        facts,
        overdue=sum((bill.open for bill in late), Decimal(0)),
        overdue_billed=sum((bill.total for bill in late), Decimal(0)),
        overdue_count=len(late),
        oldest_due_on=late[0].due_on if late else None,
        oldest_number=late[0].number if late else "",
    )


def first_cut(facts: Facts, bills: Sequence[Bill], rules: Rules, first: date) -> date | None:
    """The first night from `first` on that would cut them if nothing happens before; None if none would.

    The same rules as on the night itself, asked about the days on which their answer can change.
    """
    if not bills:
        return None
    grace = rules.grace_days if facts.grace_days is None else facts.grace_days
    turns = [bill.due_on for bill in bills] + [bills[0].due_on + timedelta(days=grace)]
    turns += [day for day in (facts.exempt_until, facts.reminded_on) if day]
    for day in sorted({first, *(turn + timedelta(days=1) for turn in turns if turn >= first)}):
        if decide(on_day(facts, bills, day), rules, day).cut:
            return day
    return None


def _part_paid(facts: Facts, rules: Rules, ask: Any) -> bool:
    if rules.part_paid_percent is None or facts.overdue_billed <= 0:
        return False
    paid = facts.overdue_billed - really_overdue(facts)
    return ask(
        "part_paid",
        paid * 100 >= rules.part_paid_percent * facts.overdue_billed and paid > 0,
        paid=_text(paid),
        billed=_text(facts.overdue_billed),
        percent=_text((paid * 100 / facts.overdue_billed).quantize(Decimal("0.1"))),
        needed=_text(rules.part_paid_percent),
        currency=facts.currency,
    )


def may_come_back(facts: Facts, rules: Rules, today: date, cut_for: Mode) -> Decision:
    """Should a line that was cut for debt be put back? `cut` in the answer means: it stays cut.

    Whoever was cut has used up the grace: everything past due must be paid, or, where the tenant says so, the share
    that would have spared them. A line cut by hand for owing comes back when nothing is owed; one cut by hand for
    another reason comes back by hand.
    """
    chain: list[Link] = []
    overdue = really_overdue(facts)

    def ask(rule: str, spares: bool, **figures: Any) -> bool:
        chain.append({"rule": rule, "says": SPARE if spares else GO_ON, **figures})
        return spares

    def done(stays: bool) -> Decision:
        chain.append(
            {"rule": "stays" if stays else "resumed", "says": CUT if stays else SPARE, "on": today.isoformat()}
        )
        return Decision(stays, overdue > 0, tuple(chain))

    if cut_for == "everyone":
        return Decision(True, overdue > 0, ({"rule": "by_hand", "says": CUT, "on": today.isoformat()},))
    if ask("balance", facts.balance <= 0, balance=_text(facts.balance), currency=facts.currency):
        return done(False)
    if cut_for == "policy":
        if ask(
            "past_due",
            overdue <= 0,
            amount=_text(overdue),
            currency=facts.currency,
            invoices=facts.overdue_count,
            oldest=facts.oldest_number,
            due_on=facts.oldest_due_on.isoformat() if facts.oldest_due_on else None,
        ):
            return done(False)
        if rules.resume == "part" and _part_paid(facts, rules, ask):
            return done(False)
    if facts.exempt_why and (facts.exempt_until is None or facts.exempt_until >= today):
        ask(
            "exempt",
            True,
            until=facts.exempt_until.isoformat() if facts.exempt_until else None,
            why=facts.exempt_why,
            by=facts.exempt_by,
        )
        return done(False)
    if rules.exempt_vip and facts.is_vip:
        ask("vip", True, vip=True)
        return done(False)
    return done(True)


def cut_for(chain: Sequence[Link]) -> Mode:
    """Which kind of run left this chain. A line cut by hand for debt, without any chain, counts as cut for owing."""
    if chain and chain[0]["rule"] == "by_hand":
        return "everyone"
    if not chain or chain[0]["rule"] == "owing":
        return "owing"
    return "policy"


@dataclass(frozen=True, slots=True)
class Breaker:
    """Did the circuit breaker trip, and on which figures?"""

    tripped: bool
    cutting: int
    lines: int
    percent: Decimal
    allowed: Decimal | None


def breaker(cutting: int, lines: int, rules: Rules) -> Breaker:
    """A run that would cut more than the set share of the lines now on stops and asks a person.

    A handful of lines never trips it (`breaker_least`): in a village of twelve, two late payers are no accident.
    """
    percent = (Decimal(cutting) * 100 / lines).quantize(Decimal("0.1")) if lines else Decimal(0)
    allowed = rules.breaker_percent
    tripped = (
        allowed is not None and cutting > rules.breaker_least and Decimal(cutting) * 100 > allowed * Decimal(lines)
    )
    return Breaker(tripped, cutting, lines, percent, allowed)
