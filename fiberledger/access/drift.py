"""Where the network is not what the books say: found, shown since when, healed by commands, or accepted for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Min

from fiberledger import calendar
from fiberledger.tenancy import current_tenant_id

from . import accepting
from .models import Drift, LiveSession

# What each live session should have been granted: its line's terms, the wall, or nothing. An unknown user may only be
# where the router's rule for unknown users let them.
_ASTRAY = """
    SELECT s.key, s.nas_id, s.account_id, s.username, s.terms AS has, w.terms AS wants,
           CASE WHEN w.terms = '' THEN 'intruder' WHEN w.terms = 'walled' THEN 'outside' WHEN s.terms = 'walled' THEN 'shut_in'
                WHEN length(s.terms) = 12 AND left(s.terms, 6) = left(w.terms, 6) THEN 'speed' ELSE 'terms' END AS kind
      FROM access_livesession s
      JOIN access_nas n ON n.tenant_id = s.tenant_id AND n.id = s.nas_id
      LEFT JOIN radius_line l ON l.tenant_id = s.tenant_id AND l.username = s.username
      CROSS JOIN LATERAL (SELECT CASE
          WHEN l.account_id IS NULL THEN CASE n.for_unknown WHEN 'walled' THEN 'walled' ELSE '' END
          WHEN l.verdict = 'refuse' THEN ''
          WHEN l.verdict = 'walled' OR least(l.ends_at, l.cut_at) <= now() THEN CASE n.for_suspended WHEN 'walled' THEN 'walled' ELSE '' END
          ELSE l.terms END AS terms) w
     WHERE s.tenant_id = %(tenant)s AND s.terms IS DISTINCT FROM w.terms {of_lines}"""
_OF_LINES = """AND {alias}.username IN (SELECT lower(a.username) FROM access_accessaccount a
                    WHERE a.tenant_id = %(tenant)s AND a.subscription_id = ANY (%(lines)s))"""

# What was accepted was this difference; another one is somebody's to judge anew.
_KEEP = """
    WITH astray AS MATERIALIZED ({astray}),
    gone AS (DELETE FROM access_drift d WHERE d.tenant_id = %(tenant)s {of_lines}
               AND CASE WHEN d.kind = ANY (%(on_router)s) THEN NOT EXISTS (SELECT FROM access_livesession s WHERE s.key = d.session_key)
                        ELSE NOT EXISTS (SELECT FROM astray a WHERE a.key = d.session_key) END)
    INSERT INTO access_drift AS d
        (tenant_id, session_key, nas_id, account_id, username, kind, has, wants, detail, again, since, accepted_by, accepted_why)
    SELECT %(tenant)s, key, nas_id, account_id, username, kind, has, wants, '', false, %(now)s, '', '' FROM astray
    ON CONFLICT (tenant_id, session_key) DO UPDATE SET kind = excluded.kind, has = excluded.has, wants = excluded.wants, detail = '',
        since = excluded.since, accepted_until = NULL, accepted_by = '', accepted_why = ''
     WHERE (d.has, d.wants) IS DISTINCT FROM (excluded.has, excluded.wants)"""

# By the clock, a router that does not obey is not asked the same thing every five minutes.
_TO_HEAL = """
    SELECT d.session_key, d.nas_id, d.username, d.kind FROM access_drift d
     WHERE d.tenant_id = %(tenant)s AND d.kind <> ALL (%(on_router)s) AND (d.accepted_until IS NULL OR d.accepted_until <= %(now)s)"""
_NOT_TRIED = """AND NOT EXISTS (SELECT FROM access_linecommand c
            WHERE c.tenant_id = d.tenant_id AND c.username = d.username AND c.session_key = d.session_key
              AND (c.state = 'waiting' OR c.asked_at > %(lately)s))"""


def look(lines: Sequence[int] | None = None) -> list[tuple[UUID, int, str, str]]:
    """Compare every live session, or those of these subscriptions, with what its line should have; keep what differs.

    Returns what is to be healed now: session, router, username, kind. Over all lines, not what was tried within half an hour.
    """
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "now": calendar.now(),
        "lately": calendar.now() - timedelta(minutes=30),
        "lines": list(lines or ()),
        "on_router": list(Drift.ON_ROUTER),
    }
    of = {alias: "" if lines is None else _OF_LINES.format(alias=alias) for alias in ("s", "d")}
    with connection.cursor() as cursor:
        cursor.execute(_KEEP.format(astray=_ASTRAY.format(of_lines=of["s"]), of_lines=of["d"]), values)
        cursor.execute(f"{_TO_HEAL} {of['d'] or _NOT_TRIED}", values)
        return cursor.fetchall()


def agreement(actor: Any) -> dict[str, Any]:
    """Of the sessions this actor may see: how many there are, how many are as the books say, and since when the oldest is not."""
    astray = Drift.objects.visible_to(actor).standing().order_by().aggregate(n=Count("pk"), oldest=Min("since"))
    sessions = LiveSession.objects.visible_to(actor).count()
    return {"sessions": sessions, "right": sessions - astray["n"], "oldest": astray["oldest"]}


def accept(found: Drift, *, until: Any, why: str, by: Any) -> None:
    """Leave this session as it is until then: nothing is sent for it, unless what it should have changes."""
    accepting.accept(found, "drift.accepted", until=until, why=why, by=by)


def command_for(kind: str) -> str:
    """A change of speed where that is all that differs; else the session is dropped and comes back with the right terms."""
    return "change" if kind == Drift.Kind.SPEED else "disconnect"
