"""How often something may be tried: counted in PostgreSQL, so that every process and every server counts together.

A try takes its number before the password is looked at: a hundred guesses at once are a hundred numbers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, models

from fiberledger import calendar

from .models import Throttle


@dataclass(frozen=True)
class Limit:
    kind: str
    tries: int
    window: timedelta
    lock: timedelta


LOGIN_ACCOUNT = Limit("login.account", 5, timedelta(minutes=15), timedelta(minutes=15))
LOGIN_ADDRESS = Limit("login.address", 30, timedelta(minutes=15), timedelta(minutes=15))
RESET_ACCOUNT = Limit("reset.account", 3, timedelta(hours=1), timedelta(hours=1))
RESET_ADDRESS = Limit("reset.address", 20, timedelta(hours=1), timedelta(hours=1))


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def take(limit: Limit, text: str) -> datetime | None:
    """Take a number. Returns until when it is locked, or None where the try may go on.

    Call it outside of a transaction: what is counted must not be rolled back with the answer.
    """
    now = calendar.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO identity_throttle AS t (kind, key, hits, window_ends_at)
               VALUES (%(kind)s, %(key)s, 1, %(window)s)
               ON CONFLICT (kind, key) DO UPDATE SET
                 hits = CASE WHEN t.locked_until > %(now)s THEN t.hits
                             WHEN t.window_ends_at <= %(now)s OR t.locked_until IS NOT NULL THEN 1
                             ELSE t.hits + 1 END,
                 window_ends_at = CASE WHEN t.window_ends_at <= %(now)s OR t.locked_until <= %(now)s
                                       THEN %(window)s ELSE t.window_ends_at END,
                 locked_until = CASE WHEN t.locked_until > %(now)s THEN t.locked_until
                                     WHEN t.locked_until IS NULL AND t.window_ends_at > %(now)s AND t.hits >= %(tries)s
                                     THEN %(lock)s END
               RETURNING locked_until""",
            {
                "kind": limit.kind,
                "key": _key(text),
                "now": now,
                "window": now + limit.window,
                "tries": limit.tries,
                "lock": now + limit.lock,
            },
        )
        return cursor.fetchone()[0]


def give_back(limit: Limit, text: str) -> None:
    """A try that was right does not count against the next (thirty people sit behind one office's address)."""
    Throttle.objects.filter(kind=limit.kind, key=_key(text), hits__gt=0, locked_until=None).update(
        hits=models.F("hits") - 1
    )


def forget(limit: Limit, text: str) -> bool:
    """Start counting anew, and unlock. True when there was anything to forget."""
    return bool(Throttle.objects.filter(kind=limit.kind, key=_key(text)).delete()[0])


def locked_until(limit: Limit, text: str) -> datetime | None:
    return (
        Throttle.objects.filter(kind=limit.kind, key=_key(text), locked_until__gt=calendar.now())
        .values_list("locked_until", flat=True)
        .first()
    )


def forget_old() -> None:
    Throttle.objects.filter(window_ends_at__lt=calendar.now() - timedelta(days=1)).delete()
