from __future__ import annotations

from calendar import monthrange
from datetime import date


def days_in_month(year: int, month: int) -> int:
    return monthrange(year, month)[1]


def month_start(day: date) -> date:
    return day.replace(day=1)


def clamp_day(year: int, month: int, anchor_day: int) -> date:
    """The anchor day in that month, or the month's last day where it is shorter."""
    return date(year, month, min(anchor_day, days_in_month(year, month)))


def add_months(day: date, months: int, anchor_day: int | None = None) -> date:
    """The same anchor day so many months on; a 31st that was clamped to the 28th comes back as the 31st."""
    index = day.year * 12 + day.month - 1 + months
    return clamp_day(index // 12, index % 12 + 1, anchor_day or day.day)
