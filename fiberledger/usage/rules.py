"""What a line is granted for what it has used: pure functions of plain facts, and one place where the winner is decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

NOTHING, SLOW, STOP = "nothing", "slow", "stop"
PLAIN, NEAR, OVER, HOURS, SLOWED, STOPPED, BOOSTED = "plain", "near", "over", "hours", "slowed", "stopped", "boosted"
NEAR_PERCENT = 80


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of some days of the week (Monday is 0) in the tenant's zone; one that ends at or before it begins ends the day after."""

    days: frozenset[int]
    start: int
    end: int  # up to 24
    download: int | None = None
    upload: int | None = None
    free: bool = False  # counts toward no quota

    def of(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From when to when it lasts, beginning on that day."""
        ends = day + timedelta(days=self.end <= self.start or self.end == 24)
        return at_hour(day, self.start, zone), at_hour(ends, self.end % 24, zone)

    def holds(self, at: datetime, zone: ZoneInfo) -> bool:
        today = at.astimezone(zone).date()
        return any(
            start <= at < end
            for day in (today - timedelta(days=1), today)
            if day.weekday() in self.days
            for start, end in [self.of(day, zone)]
        )

    def edges(self, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        today = after.astimezone(zone).date()
        for n in range(-1, 9):
            day = today + timedelta(days=n)
            if day.weekday() in self.days:
                yield from (edge for edge in self.of(day, zone) if edge > after)


@dataclass(frozen=True, slots=True)
class Extra:
    """What was bought besides the plan, while it runs: octets, or speeds."""

    starts_at: datetime
    ends_at: datetime | None
    octets: int = 0
    download: int | None = None
    upload: int | None = None

    def runs(self, at: datetime) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the answer depends on. Speeds are kbit/s, None without a limit; the period is whole days of the zone."""

    zone: str
    starts_on: date
    ends_on: date
    used: int
    quota: int | None = None
    at_limit: str = NOTHING
    download: int | None = None
    upload: int | None = None
    slow_download: int | None = None
    slow_upload: int | None = None
    windows: tuple[Window, ...] = ()
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What applies now. Speeds are None where the plan's own apply. It may be another at `next_at`, or once `next_octets`
    are used; before that it is not."""

    state: str
    allowance: int | None
    stop: bool
    download: int | None
    upload: int | None
    next_at: datetime
    next_octets: int | None


def at_hour(day: date, hour: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(hour), zone).astimezone(ZoneInfo("UTC"))


def allowance(facts: Facts, at: datetime) -> int | None:
    """What may be used in this period: the plan's quota and what was bought and still runs. None: as much as one likes."""
    if facts.quota is None:
        return None
    return facts.quota + sum(extra.octets for extra in facts.extras if extra.runs(at))


def decide(facts: Facts, at: datetime) -> Answer:
    """What applies to a line at this instant.

    What is stopped is stopped: a boost buys speed and no data. A boost beats fair use and the hours of the day, each way
    by itself, and never makes slower. Fair use beats the hours of the day, and never makes faster. In hours that count
    toward no quota nobody is slowed or stopped for having used it up.
    """
    zone = ZoneInfo(facts.zone)
    may, running = allowance(facts, at), [window for window in facts.windows if window.holds(at, zone)]
    is_free = any(window.free for window in running)
    over = may is not None and facts.used >= may
    down, up, state = facts.download, facts.upload or facts.download, PLAIN
    for window in running:
        if window.download or window.upload:
            down, up, state = window.download or down, window.upload or window.download or up, HOURS
    boosts = [extra for extra in facts.extras if (extra.download or extra.upload) and extra.runs(at)]
    limited = over and not is_free
    if limited and facts.at_limit == STOP:
        state = STOPPED
    elif boosts:
        state = BOOSTED
        down = _faster(down, *(extra.download or down for extra in boosts))
        up = _faster(up, *(extra.upload or up for extra in boosts))
    elif limited and facts.at_limit == SLOW:
        state = SLOWED
        down = _slower(down, facts.slow_download or facts.slow_upload)
        up = _slower(up, facts.slow_upload or facts.slow_download)
    elif state == PLAIN and over:
        state = OVER
    elif state == PLAIN and may and facts.used * 100 >= may * NEAR_PERCENT:
        state = NEAR
    same = (down, up) == (facts.download, facts.upload or facts.download)
    return Answer(
        state=state,
        allowance=may,
        stop=state == STOPPED,
        download=None if same or state == STOPPED else down,
        upload=None if same or state == STOPPED else up,
        next_at=min(_edges(facts, at, zone)),
        next_octets=_next_threshold(facts.used, may),
    )


def _edges(facts: Facts, at: datetime, zone: ZoneInfo) -> Iterable[datetime]:
    yield at_hour(facts.ends_on, 0, zone)
    for window in facts.windows:
        yield from window.edges(at, zone)
    for extra in facts.extras:
        yield from (edge for edge in (extra.starts_at, extra.ends_at) if edge is not None and edge > at)


def _next_threshold(used: int, may: int | None) -> int | None:
    if may is None:
        return None
    return next((octets for octets in (-(-may * NEAR_PERCENT // 100), may) if used < octets), None)


def _faster(*speeds: int | None) -> int | None:
    return None if None in speeds else max(speed for speed in speeds if speed is not None)


def _slower(*speeds: int | None) -> int | None:
    return min((speed for speed in speeds if speed is not None), default=None)
