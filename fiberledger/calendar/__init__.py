"""Calendar: the one clock, in the tenant's own zone.

Owns: what time it is (and, in a simulation, what time it is said to be) and month arithmetic.
Verbs: now, today, local, start_of_day, add_months, clock_at. No tables, no events.
Everything that decides by date asks here; `date.today()` is refused by the linter.
"""

from .clock import clock_at, local, now, start_of_day, today, zone
from .months import add_months, clamp_day, days_in_month, month_start

__all__ = [
    "add_months",
    "clamp_day",
    "clock_at",
    "days_in_month",
    "local",
    "month_start",
    "now",
    "start_of_day",
    "today",
    "zone",
]
