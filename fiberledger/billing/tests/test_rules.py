"""The rules of billing, tried over every month, leap year, anchor day and time zone."""

import itertools
import zoneinfo
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, example, given
from hypothesis import strategies as st

from fiberledger.billing import rules
from fiberledger.billing.rules import Pause, Price, Terms
from fiberledger.subscriptions import periods

dates = st.dates(date(2019, 1, 1), date(2033, 12, 31))
anchors = st.one_of(st.integers(1, 31), st.sampled_from([28, 29, 30, 31]))
billings = st.sampled_from([rules.PREPAID, rules.POSTPAID])
firsts = st.sampled_from([rules.PRORATE, rules.FULL, rules.FREE, rules.JOIN])
amounts = st.decimals(Decimal("0.01"), Decimal("999999.99"), places=2)
exponents = st.sampled_from([0, 2, 3])
percents = st.decimals(Decimal("0.01"), Decimal("60"), places=2)


def slow_edges(anchor, low, high):
    """The obvious reference: look at every day and ask whether periods meet there."""
    day = low
    while day <= high:
        tomorrow = day + timedelta(days=1)
        last_of_month = tomorrow.month != day.month
        if day.day == anchor or (last_of_month and day.day < anchor):
            yield day
        day = tomorrow


@given(dates, anchors)
@example(date(2024, 2, 29), 31)
@example(date(2023, 2, 28), 29)
@example(date(2024, 2, 28), 29)
def test_edges_are_the_anchor_days_of_the_months(day, anchor):
    around = list(slow_edges(anchor, day - timedelta(days=62), day + timedelta(days=62)))
    assert periods.edge_at_or_before(day, anchor) == max(e for e in around if e <= day)
    assert periods.edge_after(day, anchor) == min(e for e in around if e > day)


@given(dates, anchors)
def test_an_anchor_never_drifts_and_no_month_is_without_an_edge(day, anchor):
    edges, at = [], day
    for _ in range(60):
        at = periods.edge_after(at, anchor)
        edges.append(at)
    for earlier, later in itertools.pairwise(edges):
        assert (later.year * 12 + later.month) - (earlier.year * 12 + earlier.month) == 1
    for found in edges:
        last = (date(found.year + found.month // 12, found.month % 12 + 1, 1) - timedelta(days=1)).day
        assert found.day == min(anchor, last)


@st.composite
def terms(draw, with_end=True, with_pauses=True):
    started = draw(dates)
    ended = (
        draw(st.one_of(st.none(), st.integers(0, 500).map(lambda n: started + timedelta(days=n)))) if with_end else None
    )
    pauses = ()
    if with_pauses:
        pauses = tuple(
            Pause(started + timedelta(days=a), started + timedelta(days=a + n), kind)
            for a, n, kind in draw(
                st.lists(
                    st.tuples(st.integers(-20, 300), st.integers(1, 90), st.sampled_from(["hold", "cut"])), max_size=3
                )
            )
        )
    months, days = draw(st.sampled_from([(1, 0), (1, 0), (1, 0), (3, 0), (12, 0), (0, 1), (0, 7), (0, 45)]))
    return Terms(draw(billings), draw(anchors), started, ended, None, draw(firsts), draw(st.integers(0, 45)), pauses,
                 months, days)  # fmt: skip


def advance(terms_, bill):
    return replace(terms_, billed_until=bill.end)


@given(terms(), st.lists(st.integers(0, 75), min_size=1, max_size=12))
def test_whatever_the_schedule_every_day_is_billed_exactly_once(agreed, gaps):
    """Runs on any days, regular or late or repeated, bill the same periods as one run at the end."""
    now, as_of, found = agreed, agreed.started_on, []
    for gap in gaps:
        as_of += timedelta(days=gap)
        for _twice in range(2):
            for bill in rules.due(now, as_of):
                found.append(bill)
                now = advance(now, bill)
    at_once = rules.due(agreed, as_of)
    assert found == at_once
    if found:
        assert found[0].start == agreed.started_on
    for earlier, later in itertools.pairwise(found):
        assert earlier.end == later.start and earlier.start < earlier.end
    for bill in found:
        assert rules.due_on(bill, agreed.billing) <= as_of
        assert bill.parts[0].start == bill.start and bill.parts[-1].end == bill.end
    # Nothing that is due was left out.
    reached = found[-1].end if found else agreed.started_on
    if agreed.ended_on is not None:
        reached_end = reached >= agreed.ended_on
        assert reached <= max(agreed.ended_on, agreed.started_on)
    else:
        reached_end = False
    if not reached_end:
        following = next(rules.bills(advance(agreed, found[-1]) if found else agreed))
        assert rules.due_on(following, agreed.billing) > as_of


@given(terms(with_pauses=False), st.integers(0, 400))
def test_prepaid_is_billed_ahead_and_postpaid_afterwards(agreed, days):
    as_of = agreed.started_on + timedelta(days=days)
    found = rules.due(agreed, as_of)
    if agreed.billing == rules.PREPAID:
        assert all(bill.start <= as_of for bill in found)
        if agreed.ended_on is None:
            assert found[-1].end > as_of, "the day of the run itself is paid for"
    else:
        assert all(bill.end <= as_of for bill in found)


@given(dates, anchors, amounts, exponents, st.lists(st.integers(0, 30), max_size=5))
def test_the_prorated_parts_of_a_month_make_the_whole(day, anchor, price, exponent, cuts):
    start, end = periods.edge_at_or_before(day, anchor), periods.edge_after(day, anchor)
    edges = sorted({start, end, *(start + timedelta(days=c) for c in cuts if start + timedelta(days=c) < end)})
    parts = [rules.Part(a, b, start, end) for a, b in itertools.pairwise(edges)]
    assert sum(part.share for part in parts) == 1
    unit = rules.minor_unit(exponent)
    for part in parts:
        exactly = rules.exact(price) * part.share
        line = rules.charge_part(part, Price(price, exponent=exponent))
        assert abs(rules.exact(line.total) - exactly) <= rules.exact(unit) / 2
        assert line.total == rules.round_exact(line.total, unit)


@given(terms(), amounts, st.integers(0, 400), st.booleans(), percents, exponents)
def test_a_bill_is_never_negative_and_explains_itself(agreed, price, days, inclusive, percent, exponent):
    priced = Price(price, "plan", percent, inclusive, exponent)
    for bill in rules.due(agreed, agreed.started_on + timedelta(days=days)):
        lines = rules.charge(bill, priced, plan="Home 20")
        net, tax, total = rules.total_of(lines)
        assert net >= 0 and tax >= 0 and total == net + tax
        assert 0 <= bill.share <= 2
        for line in lines:
            assert line.net + line.tax == line.total and line.why
            assert line.why[0]["rule"] == "plan_price"


@given(amounts, percents, exponents)
@example(Decimal("0.01"), Decimal("17"), 2)
@example(Decimal("100"), Decimal("17.5"), 0)
def test_tax_added_and_taken_out_again_is_the_same_tax(amount, percent, exponent):
    unit = rules.minor_unit(exponent)
    net, tax, total = rules.apply_tax(amount, percent, inclusive=False, unit=unit)
    assert total == net + tax
    assert abs(rules.exact(tax) - rules.exact(net) * rules.exact(percent) / 100) <= rules.exact(unit) / 2
    net2, tax2, total2 = rules.apply_tax(total, percent, inclusive=True, unit=unit)
    assert total2 == total and net2 + tax2 == total2
    assert abs(tax2 - tax) <= unit
    again = rules.apply_tax(net2, percent, inclusive=False, unit=unit)
    assert abs(again[2] - total) <= unit


@given(st.fractions(min_value=-100000, max_value=100000), exponents)
def test_rounding_is_to_the_nearest_coin_and_symmetric(value, exponent):
    unit = rules.minor_unit(exponent)
    rounded = rules.round_exact(value, unit)
    assert abs(rules.exact(rounded) - value) <= Fraction(unit) / 2
    assert rules.round_exact(-value, unit) == -rounded


@given(st.sampled_from(sorted(zoneinfo.available_timezones())), dates, st.integers(0, 86399), anchors, billings)
def test_no_zone_and_no_clock_change_bills_a_day_twice_or_never(zone, day, second, anchor, billing):
    """A run every twelve hours for three months, through whatever the zone does to its clocks."""
    tz = zoneinfo.ZoneInfo(zone)
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
    started = instant.astimezone(tz).date()
    agreed = now = Terms(billing, anchor, started)
    found, today = [], started
    for _ in range(180):
        instant += timedelta(hours=12)
        today = instant.astimezone(tz).date()
        for bill in rules.due(now, today):
            found.append(bill)
            now = advance(now, bill)
    assert found == rules.due(agreed, today)
    days = [bill.start + timedelta(days=n) for bill in found for n in range((bill.end - bill.start).days)]
    assert len(days) == len(set(days))
    assert days == [started + timedelta(days=n) for n in range(len(days))]


def test_the_31st_through_a_leap_year():
    ends = [bill.end.isoformat() for bill in rules.due(Terms("postpaid", 31, date(2024, 1, 31)), date(2024, 6, 30))]
    assert ends == ["2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31", "2024-06-30"]


def test_the_choices_for_a_first_month_begun_in_the_middle():
    price = Price(Decimal("3100.00"))

    def first(rule):
        bill = rules.due(Terms("prepaid", 1, date(2026, 1, 21), first_period=rule), date(2026, 1, 21))[0]
        return bill.end.isoformat(), [str(line.total) for line in rules.charge(bill, price)]

    assert first("prorate") == ("2026-02-01", ["1100.00"])
    assert first("full") == ("2026-02-01", ["3100.00"])
    assert first("free") == ("2026-02-01", [])
    assert first("join") == ("2026-03-01", ["1100.00", "3100.00"])


def test_free_days_come_off_the_first_month():
    bill = rules.due(Terms("prepaid", 1, date(2026, 4, 1), free_days=10), date(2026, 4, 1))[0]
    (line,) = rules.charge(bill, Price(Decimal("3000")))
    assert line.total == Decimal("2000.00")
    assert [step["rule"] for step in line.why] == ["plan_price", "whole_period", "free_days", "share"]


def test_a_month_on_hold_is_paid_by_the_day_and_a_month_cut_off_is_not_back_billed():
    held = Terms("postpaid", 1, date(2026, 4, 1), pauses=(Pause(date(2026, 4, 11), date(2026, 5, 1), "hold"),))
    (bill,) = rules.due(held, date(2026, 5, 1))
    assert bill.share == Fraction(1, 3)
    cut = Terms("prepaid", 1, date(2026, 1, 1), billed_until=date(2026, 2, 1),
                pauses=(Pause(date(2026, 1, 20), date(2026, 4, 10)),))  # fmt: skip
    assert [(b.start.month, b.skip) for b in rules.due(cut, date(2026, 4, 15))] == [
        (2, "no_service"), (3, "no_service"), (4, "")]  # fmt: skip
    april = rules.due(cut, date(2026, 4, 15))[-1]
    assert april.share == Fraction(21, 30), "charged from the day the line came back"
    begun = Terms("postpaid", 1, date(2026, 1, 1), billed_until=date(2026, 1, 1),
                  pauses=(Pause(date(2026, 1, 20), date(2026, 1, 30)),))  # fmt: skip
    assert rules.due(begun, date(2026, 2, 1))[0].share == 1, "a month that had begun is charged in full"
    assert [b.skip for b in rules.due(cut, date(2026, 4, 15), rules.ALL)] == ["", "", ""]
    assert [b.skip for b in rules.due(cut, date(2026, 4, 15), rules.LATEST)] == ["no_service", "no_service", ""]


def test_an_anchor_moved_in_between_bills_the_bridge_by_the_day():
    moved = Terms("prepaid", 15, date(2025, 1, 1), billed_until=date(2026, 2, 1))
    (bridge,) = rules.due(moved, date(2026, 2, 1))
    assert (bridge.end, bridge.share) == (date(2026, 2, 15), Fraction(14, 31))


@given(st.integers(1, 400), dates, anchors, st.integers(0, 900))
def test_periods_of_any_length_follow_one_another(validity, started, anchor, later):
    months, days = periods.span(validity)
    agreed = Terms("prepaid", anchor, started, months=months, days=days)
    day = started + timedelta(days=later)
    start, end = rules.whole_period(day, agreed)
    assert start <= day < end
    assert rules.whole_period(end, agreed)[0] == end
    assert rules.whole_period(start - timedelta(days=1), agreed)[1] == start
    assert days == (end - start).days or months * 28 <= (end - start).days <= months * 31


def test_a_plan_of_three_months_and_one_of_seven_days():
    quarter = Terms("prepaid", 31, date(2025, 11, 30), months=3)
    assert [b.end.isoformat() for b in rules.due(quarter, date(2026, 6, 1))] == [
        "2026-02-28",
        "2026-05-31",
        "2026-08-31",
    ]
    week = Terms("prepaid", 1, date(2026, 1, 3), days=7)
    assert [b.end.day for b in rules.due(week, date(2026, 1, 17))] == [10, 17, 24]


def test_rounding_to_a_larger_step():
    bill = rules.due(Terms("prepaid", 1, date(2026, 1, 21)), date(2026, 1, 21))[0]
    (line,) = rules.charge(bill, Price(Decimal("1999"), tax_percent=Decimal("19.5"), step=Decimal("5")))
    assert (line.net, line.tax) == (Decimal("710.00"), Decimal("138.45"))


coins = st.integers(1, 5000).map(lambda n: Decimal(n) / 100)


@given(st.lists(coins, max_size=6), st.lists(coins, max_size=6))
def test_settling_spends_no_more_than_there_is_and_leaves_no_older_debt_behind(credits, debts):
    settled = rules.settle(list(enumerate(credits)), list(enumerate(debts)))
    paid = [sum((a for _, d, a in settled if d == n), Decimal(0)) for n in range(len(debts))]
    spent = [sum((a for c, _, a in settled if c == n), Decimal(0)) for n in range(len(credits))]
    assert all(p <= d for p, d in zip(paid, debts, strict=True))
    assert all(s <= c for s, c in zip(spent, credits, strict=True))
    assert sum(paid) == min(sum(credits), sum(debts))
    assume(debts)
    open_ = [p < d for p, d in zip(paid, debts, strict=True)]
    if True in open_:
        assert not any(paid[n] for n in range(open_.index(True) + 1, len(debts)))


def test_ages():
    as_of = date(2026, 6, 30)
    late = [0, 1, 30, 31, 60, 61, 90, 91, 900]
    assert [rules.age_of(as_of - timedelta(days=n), as_of) for n in late] == [0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_a_dearer_plan_is_charged_for_the_days_left_and_a_cheaper_one_counts_from_the_next_period():
    terms = Terms("prepaid", 1, date(2026, 1, 1), billed_until=date(2026, 2, 1))
    small, large = Price(Decimal(1000)), Price(Decimal(3000))
    up = rules.Change(date(2026, 1, 22), small, "Small", large, "Large")
    line = rules.charge_difference((up,), date(2026, 2, 1), terms)
    assert line and line.total == rules.round_exact(Fraction(2000 * 10, 31), Decimal("0.01"))
    back = rules.Change(date(2026, 1, 27), large, "Large", small, "Small")
    both = rules.charge_difference((up, back), date(2026, 2, 1), terms)
    assert both and both.total == rules.round_exact(Fraction(2000 * 5, 31), Decimal("0.01"))
    down = rules.Change(date(2026, 1, 22), large, "Large", small, "Small")
    assert rules.charge_difference((down,), date(2026, 2, 1), terms) is None


@given(dates, anchors, amounts, amounts, st.integers(0, 40))
def test_a_change_inside_an_unbilled_period_charges_each_day_at_its_own_price(day, anchor, old, new, later):
    terms = Terms("postpaid", anchor, day)
    (bill, *_) = rules.due(terms, day + timedelta(days=31))
    change = rules.Change(day + timedelta(days=later), Price(old), "Old", Price(new), "New")
    lines = rules.charge(bill, Price(new), plan="New", changes=(change,), terms=terms)
    of = bill.parts[0].of
    days_old = max(0, min((change.on - bill.start).days, bill.parts[0].days))
    exactly = (rules.exact(old) * days_old + rules.exact(new) * (bill.parts[0].days - days_old)) / of
    assert abs(rules.exact(rules.total_of(lines)[2]) - exactly) <= Fraction(1, 100)


# --- What a line has besides its plan ----------------------------------------------------------------------------


@given(
    agreed=st.builds(
        Terms, billing=billings, anchor_day=st.integers(1, 31), started_on=st.dates(date(2025, 1, 1), date(2025, 3, 1)),
        first_period=st.just(rules.PRORATE), months=st.sampled_from([1, 1, 3]),
    ),
    begins=st.integers(0, 200),
    lasts=st.none() | st.integers(0, 200),
    sold_after=st.integers(0, 8),
    price=st.decimals(1, 5000, places=2),
)  # fmt: skip
def test_an_add_on_is_charged_for_each_of_its_days_once_however_it_is_billed(agreed, begins, lasts, sold_after, price):
    """Bill by bill, with what was charged before, or all at once: the same days, and within a coin a bill the same sum."""
    start = agreed.started_on + timedelta(days=begins)
    end = None if lasts is None else start + timedelta(days=lasts)
    add_on = rules.AddOn("Rent", Price(price), start, end)
    bills = list(itertools.islice(rules.bills(agreed), 12))
    charged, lines, first = [], [], date.min
    for number, bill in enumerate(bills):
        if number < sold_after:  # billed before anybody sold it
            continue
        one = replace(add_on, charged=tuple(charged))
        for low, high in ((first, bills[sold_after].start), (bill.start, bill.end)):
            lines += rules.charge_add_on(one, low, high, agreed)
            charged += rules.open_days(one, low, high, agreed)
        first = bills[sold_after].start
    until = min(bills[-1].end, end or date.max)
    days = sorted(day for low, high in charged for day in _days(low, high))
    assert days == list(_days(max(start, agreed.started_on), until)), "each day once, none left out"
    exact = sum(
        (Fraction(price) / _length(rules.whole_period(day, agreed)) for day in days), Fraction(0)
    )  # the slow, obvious reference
    total = sum((line.total for line in lines), Decimal(0))
    assert abs(Fraction(total) - exact) <= Fraction(1, 200) * max(len(lines), 1) + Fraction(1, 200) * 12


def _days(low, high):
    return (low + timedelta(days=n) for n in range((high - low).days))


def _length(period):
    return (period[1] - period[0]).days
