"""What applies for what was used: the rules by themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fiberledger.usage.rules import (
    BOOSTED,
    HOURS,
    NEAR,
    OVER,
    PLAIN,
    SLOW,
    SLOWED,
    STOP,
    STOPPED,
    Extra,
    Facts,
    Window,
    allowance,
    decide,
)

GB = 1_000_000_000
NIGHT = Window(frozenset(range(7)), 22, 6, 50_000, 25_000)
AT = datetime(2026, 11, 10, 9, tzinfo=UTC)  # 14:00 in Karachi, a Tuesday


def facts(**more):
    given = {
        "zone": "Asia/Karachi", "starts_on": date(2026, 11, 1), "ends_on": date(2026, 12, 1), "used": 0, "quota": 100 * GB,
        "at_limit": SLOW, "download": 20_000, "upload": 10_000, "slow_download": 2_000, "slow_upload": 1_000,
    }  # fmt: skip
    return Facts(**given | more)


def boost(down=100_000, up=100_000):
    return Extra(AT - timedelta(hours=1), AT + timedelta(hours=2), download=down, upload=up)


def test_below_its_limit_a_line_is_as_the_plan_says():
    answer = decide(facts(used=10 * GB), AT)
    assert (answer.state, answer.download, answer.stop, answer.next_octets) == (PLAIN, None, False, 80 * GB)
    assert answer.next_at == datetime(2026, 11, 30, 19, tzinfo=UTC)  # midnight in Karachi
    assert decide(facts(used=80 * GB), AT).state == NEAR


def test_at_its_limit_it_is_slowed_or_stopped_or_only_counted():
    slow = decide(facts(used=100 * GB), AT)
    assert (slow.state, slow.download, slow.upload, slow.next_octets) == (SLOWED, 2_000, 1_000, None)
    stopped = decide(facts(used=100 * GB, at_limit=STOP), AT)
    assert (stopped.state, stopped.stop, stopped.download) == (STOPPED, True, None)
    counted = decide(facts(used=100 * GB, at_limit="nothing"), AT)
    assert (counted.state, counted.stop, counted.download) == (OVER, False, None)


def test_a_top_up_lifts_the_limit_while_it_runs():
    extra = Extra(AT - timedelta(hours=1), AT + timedelta(hours=1), octets=10 * GB)
    answer = decide(facts(used=105 * GB, extras=(extra,)), AT)
    assert (answer.state, answer.allowance, answer.next_at) == (NEAR, 110 * GB, extra.ends_at)
    assert decide(facts(used=105 * GB, extras=(extra,)), extra.ends_at).state == SLOWED


def test_hours_of_the_day_and_the_next_edge():
    night = datetime(2026, 11, 10, 20, tzinfo=UTC)  # 01:00 in Karachi
    assert decide(facts(windows=(NIGHT,)), AT).next_at == datetime(2026, 11, 10, 17, tzinfo=UTC)
    answer = decide(facts(windows=(NIGHT,)), night)
    assert (answer.state, answer.download, answer.next_at) == (HOURS, 50_000, datetime(2026, 11, 11, 1, tzinfo=UTC))
    friday = Window(frozenset([4]), 22, 6, 50_000)
    assert [friday.holds(datetime(2026, 11, day, 20, tzinfo=UTC), _zone()) for day in (12, 13, 14)] == [
        False,
        True,
        False,
    ]


def test_who_wins():
    night = datetime(2026, 11, 10, 20, tzinfo=UTC)
    turbo = Extra(night, night + timedelta(hours=1), download=40_000, upload=40_000)
    both = decide(facts(windows=(NIGHT,), extras=(turbo,)), night)
    assert (both.state, both.download, both.upload) == (BOOSTED, 50_000, 40_000)  # each way the faster one
    assert decide(facts(used=200 * GB, extras=(boost(),)), AT).state == BOOSTED
    assert decide(facts(used=200 * GB, at_limit=STOP, extras=(boost(),)), AT).stop  # speed is not data
    assert decide(facts(used=200 * GB, windows=(NIGHT,)), night).download == 2_000
    free = Window(frozenset(range(7)), 22, 6, free=True)
    assert decide(facts(used=200 * GB, at_limit=STOP, windows=(free,)), night).state == OVER


def _zone():
    from zoneinfo import ZoneInfo

    return ZoneInfo("Asia/Karachi")


speeds = st.one_of(st.none(), st.integers(64, 200_000))
windows = st.builds(
    Window,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 23),
    st.integers(1, 24),
    speeds,
    speeds,
    st.booleans(),
)
moments = st.datetimes(datetime(2026, 10, 20), datetime(2026, 11, 20), timezones=st.just(UTC))
extras = st.builds(
    lambda start, hours, octets, down, up: Extra(start, hours and start + timedelta(hours=hours), octets, down, up),
    moments, st.one_of(st.none(), st.integers(1, 200)), st.integers(0, 50 * GB), speeds, speeds,
)  # fmt: skip
anything = st.builds(
    facts,
    zone=st.sampled_from(["Asia/Karachi", "Africa/Nairobi", "Asia/Kathmandu", "America/New_York"]),
    used=st.integers(0, 300 * GB), quota=st.one_of(st.none(), st.integers(0, 200 * GB)),
    at_limit=st.sampled_from(["nothing", SLOW, STOP]), download=speeds, upload=speeds,
    windows=st.lists(windows, max_size=3).map(tuple), extras=st.lists(extras, max_size=3).map(tuple),
)  # fmt: skip


@given(facts=anything, at=moments, later=st.floats(0, 1), more=st.floats(0, 1))
def test_nothing_changes_before_the_instant_or_the_amount_that_was_said(facts, at, later, more):
    """What lets a hundred thousand lines rest: until `next_at` and below `next_octets` the answer is the same one."""
    from dataclasses import replace

    first = decide(facts, at)
    assert first.next_at > at
    then = at + (first.next_at - at) * later
    if then >= first.next_at:
        return
    room = (first.next_octets - facts.used - 1) if first.next_octets is not None else 10 * GB
    second = decide(replace(facts, used=facts.used + int(room * more)), then)
    assert (second.state, second.stop, second.download, second.upload, second.allowance) == (
        first.state, first.stop, first.download, first.upload, first.allowance,
    )  # fmt: skip


@given(facts=anything, at=moments)
def test_stopped_only_beyond_the_allowance_and_never_slower_by_a_boost(facts, at):
    from dataclasses import replace

    answer, may = decide(facts, at), allowance(facts, at)
    if answer.stop or answer.state == SLOWED:
        assert may is not None and facts.used >= may
    without = decide(replace(facts, extras=tuple(e for e in facts.extras if not (e.download or e.upload))), at)
    if answer.state == BOOSTED and without.state != STOPPED:
        for with_it, plain in (
            (answer.download, without.download or facts.download),
            (answer.upload, without.upload or facts.upload),
        ):
            assert with_it is None or plain is None or with_it >= plain
