"""When a line's periods meet, as plain arithmetic: billing charges by them, and what a period allows is counted by them.

A period is half open, `[start, end)`: the day it ends on belongs to the next one. Its edges are the anchor days of the
months; an anchor that a month does not have (the 31st of April) falls on that month's last day and springs back the
month after, because an edge is always computed from the anchor and never from the edge before it.
"""

from __future__ import annotations

import calendar as _calendar
from datetime import date, timedelta
from functools import lru_cache


@lru_cache(maxsize=4096)
def edge(year: int, month: int, anchor: int) -> date:
    """The day of this month on which periods meet."""
    return date(year, month, min(anchor, _calendar.monthrange(year, month)[1]))


def edge_at_or_before(day: date, anchor: int) -> date:
    here = edge(day.year, day.month, anchor)
    if here <= day:
        return here
    return edge(day.year - 1, 12, anchor) if day.month == 1 else edge(day.year, day.month - 1, anchor)


def edge_after(day: date, anchor: int) -> date:
    here = edge(day.year, day.month, anchor)
    if here > day:
        return here
    return edge(day.year + 1, 1, anchor) if day.month == 12 else edge(day.year, day.month + 1, anchor)


def span(validity_days: int) -> tuple[int, int]:
    """(months, days) of a plan's period: what looks like calendar months is, anything else is so many days."""
    for months, (low, high) in _CALENDAR_SPANS.items():
        if low <= validity_days <= high:
            return months, 0
    return 0, validity_days


_CALENDAR_SPANS = {1: (28, 31), 2: (59, 62), 3: (89, 92), 6: (180, 184), 12: (360, 366)}


def whole_period(day: date, anchor_day: int, started_on: date, months: int = 1, days: int = 0) -> tuple[date, date]:
    """The whole period that contains this day, as if the service had always run and would never end.

    Periods of several months or of so many days are counted from where the service started.
    """
    if days:
        whole = (day - started_on).days // days
        start = started_on + timedelta(days=whole * days)
        return start, start + timedelta(days=days)
    low = edge_at_or_before(day, anchor_day)
    if months == 1:
        return low, edge_after(day, anchor_day)
    origin = edge_at_or_before(started_on, anchor_day)
    first = origin.year * 12 + origin.month - 1
    low_at = first + (low.year * 12 + low.month - 1 - first) // months * months
    high_at = low_at + months
    return edge(low_at // 12, low_at % 12 + 1, anchor_day), edge(high_at // 12, high_at % 12 + 1, anchor_day)
