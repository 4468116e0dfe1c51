from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from fiberledger.calendar import add_months, clock_at, days_in_month, now

dates = st.dates(date(1990, 1, 1), date(2100, 1, 1))


@given(dates, st.integers(1, 31), st.integers(1, 60))
def test_an_anchor_day_is_clamped_but_never_drifts(day, anchor, months):
    reached = day
    for _ in range(months):
        reached = add_months(reached, 1, anchor)
    assert reached == add_months(day, months, anchor)
    assert reached.day == min(anchor, days_in_month(reached.year, reached.month))


def test_the_31st_of_january_comes_back_in_march():
    assert add_months(date(2027, 1, 31), 1, 31) == date(2027, 2, 28)
    assert add_months(date(2027, 2, 28), 1, 31) == date(2027, 3, 31)


def test_time_is_what_the_clock_says():
    moment = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
    with clock_at(moment):
        assert now() == moment
    assert now() != moment
