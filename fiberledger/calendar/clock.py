from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from fiberledger.tenancy.scope import current_tenant

_said: ContextVar[datetime | None] = ContextVar("said_time", default=None)


def now() -> datetime:
    """The present instant, in UTC."""
    return _said.get() or datetime.now(UTC)


def zone() -> ZoneInfo:
    """The current tenant's time zone."""
    return ZoneInfo(current_tenant().timezone)


def local(instant: datetime) -> datetime:
    """The instant on the tenant's wall clock."""
    return instant.astimezone(zone())


def today() -> date:
    """The date it is for the current tenant. Raises NoTenantInScope outside a scope."""
    return local(now()).date()


def start_of_day(day: date) -> datetime:
    """The first instant of the day in the tenant's zone, in UTC; where midnight is skipped, the first that exists."""
    return datetime.combine(day, time(), zone()).astimezone(UTC)


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """Within the block it is `moment`: simulations and tests move time, nothing sleeps."""
    if moment.tzinfo is None:
        raise ValueError("a moment has a time zone")
    token = _said.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _said.reset(token)
