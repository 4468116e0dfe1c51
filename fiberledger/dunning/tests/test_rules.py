from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiberledger.dunning.rules import (
    Bill,
    Facts,
    Rules,
    breaker,
    decide,
    first_cut,
    may_come_back,
    on_day,
    really_overdue,
)

DUE = date(2026, 1, 31)
TODAY = date(2026, 2, 6)
LATE = Facts(
    balance=Decimal(1200),
    currency="PKR",
    overdue=Decimal(1200),
    overdue_billed=Decimal(1200),
    overdue_count=1,
    oldest_due_on=DUE,
    oldest_number="INV-1",
)
amounts = st.decimals(min_value="-5000", max_value="5000", places=2)


def rule_of(facts, rules=Rules(), today=TODAY, mode="policy"):
    return decide(facts, rules, today, mode).rule


def test_a_late_payer_is_cut_on_the_first_day_after_grace_and_not_before():
    assert not decide(LATE, Rules(grace_days=5), date(2026, 2, 5)).cut
    assert decide(LATE, Rules(grace_days=5), date(2026, 2, 6)).cut
    assert decide(LATE, Rules(grace_days=0), date(2026, 2, 1)).cut
    assert not decide(LATE, Rules(grace_days=0), DUE).cut


@pytest.mark.parametrize(
    ("facts", "rules", "rule"),
    [
        (replace(LATE, balance=Decimal(0)), Rules(), "balance"),
        (replace(LATE, balance=Decimal(-10)), Rules(), "balance"),
        (replace(LATE, overdue=Decimal(0)), Rules(), "past_due"),
        (replace(LATE, oldest_due_on=DUE + timedelta(days=3)), Rules(), "grace"),
        (replace(LATE, grace_days=30, grace_of="Model Town"), Rules(), "grace"),
        (replace(LATE, is_vip=True), Rules(), "vip"),
        (replace(LATE, exempt_why="pays on Friday", exempt_until=TODAY), Rules(), "exempt"),
        (replace(LATE, exempt_why="masjid"), Rules(), "exempt"),
        (replace(LATE, overdue=Decimal(40), balance=Decimal(40)), Rules(least_owed=Decimal(50)), "least_owed"),
        (
            replace(LATE, overdue=Decimal(600), balance=Decimal(600)),
            Rules(part_paid_percent=Decimal(50)),
            "part_paid",
        ),
        (LATE, Rules(remind_first=True), "reminder"),
        (replace(LATE, reminded_on=TODAY), Rules(remind_first=True), "reminder"),
    ],
)
def test_who_is_spared_and_by_which_rule(facts, rules, rule):
    decision = decide(facts, rules, TODAY)
    assert not decision.cut
    assert decision.rule == rule
    assert decision.chain[-1]["says"] == "spare"
    assert all(link["says"] == "go on" for link in decision.chain[:-1])


@pytest.mark.parametrize(
    ("facts", "rules"),
    [
        (replace(LATE, is_vip=True), Rules(exempt_vip=False)),
        (replace(LATE, exempt_why="pays on Friday", exempt_until=TODAY - timedelta(days=1)), Rules()),
        (
            replace(LATE, overdue=Decimal(601), balance=Decimal(601)),
            Rules(part_paid_percent=Decimal(50)),
        ),
        (replace(LATE, reminded_on=TODAY - timedelta(days=1)), Rules(remind_first=True)),
        (LATE, Rules(part_paid_percent=Decimal(0))),
    ],
)
def test_who_is_cut_all_the_same(facts, rules):
    assert decide(facts, rules, TODAY).cut


def test_credit_that_no_invoice_took_yet_counts_as_paid():
    facts = replace(LATE, balance=Decimal(100))
    assert really_overdue(facts) == 100
    assert decide(facts, Rules(part_paid_percent=Decimal(90)), TODAY).rule == "part_paid"


@given(amounts, amounts, st.booleans(), st.integers(-20, 60), st.sampled_from(["policy", "owing"]))
def test_nobody_with_nothing_to_pay_is_ever_cut(balance, overdue, vip, away, mode):
    facts = replace(
        LATE,
        balance=balance,
        overdue=max(overdue, Decimal(0)),
        is_vip=vip,
        oldest_due_on=TODAY + timedelta(days=away),
    )
    decision = decide(facts, Rules(), TODAY, mode)
    if balance <= 0 or vip:
        assert not decision.cut
    if decision.cut and mode == "policy":
        assert min(balance, facts.overdue) > 0 and facts.oldest_due_on + timedelta(days=5) < TODAY


@given(st.integers(0, 90))
def test_waiting_never_saves_a_late_payer(days):
    cut = decide(LATE, Rules(), TODAY + timedelta(days=days)).cut
    assert cut and decide(LATE, Rules(), TODAY + timedelta(days=days + 1)).cut


def test_a_street_cut_by_hand_does_not_wait_for_grace_but_spares_who_owes_nothing():
    young = replace(LATE, oldest_due_on=TODAY + timedelta(days=9), overdue=Decimal(0))
    assert decide(young, Rules(), TODAY, "owing").cut
    assert rule_of(replace(young, balance=Decimal(0)), mode="owing") == "balance"
    assert rule_of(replace(young, is_vip=True), mode="owing") == "vip"
    assert decide(replace(young, balance=Decimal(0)), Rules(), TODAY, "everyone").cut


def test_coming_back():
    paid = replace(LATE, balance=Decimal(0), overdue=Decimal(0))
    half = replace(LATE, balance=Decimal(600), overdue=Decimal(600))
    next_bill_open = replace(LATE, balance=Decimal(1200), overdue=Decimal(0))
    in_grace = replace(LATE, oldest_due_on=TODAY - timedelta(days=1))
    assert not may_come_back(paid, Rules(), TODAY, "policy").cut
    assert not may_come_back(next_bill_open, Rules(), TODAY, "policy").cut
    assert may_come_back(half, Rules(part_paid_percent=Decimal(50)), TODAY, "policy").cut
    assert not may_come_back(half, Rules(part_paid_percent=Decimal(50), resume="part"), TODAY, "policy").cut
    assert may_come_back(in_grace, Rules(), TODAY, "policy").cut, "grace is not given twice for one debt"
    assert may_come_back(next_bill_open, Rules(), TODAY, "owing").cut
    assert not may_come_back(paid, Rules(), TODAY, "owing").cut
    assert may_come_back(paid, Rules(), TODAY, "everyone").cut


@pytest.mark.parametrize(
    ("cutting", "lines", "tripped"),
    [
        (10, 20, False),
        (11, 20, True),
        (25, 100, False),
        (26, 100, True),
        (0, 0, False),
        (11, 0, True),
        (250, 1000, False),
    ],
)
def test_breaker(cutting, lines, tripped):
    assert breaker(cutting, lines, Rules()).tripped is tripped


def test_breaker_can_be_switched_off():
    assert not breaker(1000, 1000, Rules(breaker_percent=None)).tripped


days = st.integers(-40, 40).map(lambda n: DUE + timedelta(days=n))
money = st.integers(1, 3000).map(Decimal)
bills = st.lists(
    st.builds(
        lambda due, total, paid: Bill("INV", due, total, max(total - paid, Decimal(1))), days, money, st.just(0) | money
    ),
    max_size=4,
).map(lambda made: sorted(made, key=lambda bill: bill.due_on))
policies = st.builds(
    Rules,
    grace_days=st.integers(0, 12),
    exempt_vip=st.booleans(),
    part_paid_percent=st.none() | st.integers(0, 100).map(Decimal),
    least_owed=st.integers(0, 2000).map(Decimal),
    remind_first=st.booleans(),
)
people = st.builds(
    Facts,
    balance=st.integers(-500, 6000).map(Decimal),
    currency=st.just("PKR"),
    is_vip=st.booleans(),
    grace_days=st.none() | st.integers(0, 20),
    exempt_until=st.none() | days,
    exempt_why=st.sampled_from(["", "asked"]),
    reminded_on=st.none() | days,
)


@given(people, bills, policies, days)
def test_the_night_that_is_planned_is_the_first_that_cuts(person, open_bills, ruled, first):
    nights = (first + timedelta(days=n) for n in range(130))
    cuts = (night for night in nights if decide(on_day(person, open_bills, night), ruled, night).cut)
    assert first_cut(person, open_bills, ruled, first) == next(cuts, None)
