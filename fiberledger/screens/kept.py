"""What a dashboard says is worked out again only when somebody has done something.

    @kept
    def _pending(request) -> Reading: ...

The audit log tells: whatever changes a figure leaves an entry there. So what is kept is never behind what was done, but for
the entries of a transaction that began earlier and ended later; these are seen after SECONDS at the latest. Not for what
changes by itself, such as who is online.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.core.cache import cache
from django.utils.translation import get_language

from fiberledger import audit, calendar

from . import scope

SECONDS = 60
Said = TypeVar("Said")


def kept(read: Callable[[Any], Said]) -> Callable[[Any], Said]:
    """A reading that all who see the same rows share, in their language."""

    @wraps(read)
    def reading(request: Any) -> Said:
        # Sets have no order of their own; the cache's keys do not take every letter.
        key = f"kept:{request.tenant.pk}:{hash((read.__module__, read.__qualname__, *_seen_by(request)))}"
        if (found := cache.get(key)) is None:
            found = read(request)
            cache.set(key, found, SECONDS)
        return found

    return reading


def _seen_by(request: Any) -> tuple[Any, ...]:
    if not hasattr(request, "_seen_by"):
        actor = request.actor
        request._seen_by = (
            request.tenant.pk,
            audit.newest(),
            calendar.today(),
            get_language(),
            scope.current(request).code,
            actor.branch_ids,
            actor.area_ids,
            actor.reseller_names,
            actor.membership_id if actor.only_assigned else None,
        )
    return request._seen_by
