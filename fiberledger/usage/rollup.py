"""From what routers reported into hours, days and months: each octet once, whatever repeats, overtakes or is killed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from fiberledger import calendar
from fiberledger.catalog.models import PlanHours
from fiberledger.tenancy import current_tenant, current_tenant_id

from .rules import Window

FURTHEST = timedelta(days=31)  # a session heard of for the first time is spread over so much of its past at most
FORGET = timedelta(days=41)  # a session given up for silence may come back for forty days (access/sql/radius.sql)
RATES = 24  # of each session, for its curve

# Where a session is seen. `done`: what sessions of the same key had that were over before this one began (a router that was
# restarted may use its session numbers again). Those that were filed before they were counted come first, by themselves.
_REPORTED = """
    SELECT DISTINCT ON (key) * FROM (
      SELECT key, account_id, started_at, updated_at AS at, in_octets AS up, out_octets AS down, 0 AS done_up, 0 AS done_down,
             false AS over
        FROM access_livesession WHERE tenant_id = %(tenant)s AND account_id IS NOT NULL
      UNION ALL
      SELECT key, account_id, started_at, ended_at, in_octets, out_octets, 0, 0, true
        FROM access_sessionfresh WHERE tenant_id = %(tenant)s AND account_id IS NOT NULL) s
    ORDER BY key, up + down DESC, over"""
_FILED = """
    SELECT key, account_id, started_at, ended_at AS at, up, down, done_up, done_down, true AS over
      FROM usage_uncounted WHERE tenant_id = %(tenant)s ORDER BY key FOR UPDATE"""

# Counters never fall, and no session begins when it is over: where that seems so it is another one with the same key, and
# counted from nothing. What a session gained since it was last counted is spread evenly over the time in between, hour by hour: each share is the
# difference of two rounded running totals, so that the shares of a gain add up to it.
_FOLD = """
    WITH seen AS MATERIALIZED ({seen}),
    gain AS MATERIALIZED (
      SELECT s.*, greatest(s.done_up + s.up - coalesce(c.up, 0), 0) AS more_up,
             greatest(s.done_down + s.down - coalesce(c.down, 0), 0) AS more_down,
             greatest(least(coalesce(c.at, s.started_at), s.at), s.at - %(furthest)s::interval) AS since
        FROM seen s LEFT JOIN usage_sessioncount c ON c.tenant_id = %(tenant)s AND c.key = s.key
         AND NOT (c.up > s.up OR c.down > s.down OR c.over AND (s.started_at > c.at OR s.started_at = c.at AND NOT s.over))
       WHERE c.key IS NULL OR s.at > c.at OR s.up > c.up OR s.down > c.down OR s.over <> c.over OR s.done_up + s.done_down > 0),
    hours AS MATERIALIZED (
      SELECT account_id, hour, (hour AT TIME ZONE %(zone)s)::date AS day, sum(up)::bigint AS up, sum(down)::bigint AS down
        FROM (
          SELECT g.account_id, h.hour,
                 (floor(g.more_up * part.upto) - floor(g.more_up * part.before))::bigint AS up,
                 (floor(g.more_down * part.upto) - floor(g.more_down * part.before))::bigint AS down
            FROM gain g
           CROSS JOIN LATERAL generate_series(date_trunc('hour', g.since, %(zone)s),
                   greatest(g.since, g.at - interval '1 microsecond'), interval '1 hour') AS h (hour)
           CROSS JOIN LATERAL (
             SELECT CASE WHEN g.at <= g.since THEN 1 ELSE
                      least(1, date_part('epoch', h.hour + interval '1 hour' - g.since) / date_part('epoch', g.at - g.since)) END AS upto,
                    CASE WHEN g.at <= g.since THEN 0 ELSE
                      greatest(0, date_part('epoch', h.hour - g.since) / date_part('epoch', g.at - g.since)) END AS before) part
           WHERE g.more_up + g.more_down > 0) x
       WHERE up + down > 0 GROUP BY 1, 2, 3),
    days AS MATERIALIZED (
      SELECT h.account_id, h.day, sum(h.up)::bigint AS up, sum(h.down)::bigint AS down,
             coalesce(sum(h.up + h.down) FILTER (WHERE f.plan_id IS NOT NULL), 0)::bigint AS free
        FROM hours h
        LEFT JOIN usage_lineusage l ON l.tenant_id = %(tenant)s AND l.account_id = h.account_id
        LEFT JOIN unnest(%(plans)s::bigint[], %(weekdays)s::int[], %(clocks)s::int[]) AS f (plan_id, weekday, clock)
          ON f.plan_id = l.plan_id AND f.clock = extract(hour FROM h.hour AT TIME ZONE %(zone)s)
         AND f.weekday = extract(isodow FROM h.day) - 1
       GROUP BY h.account_id, h.day),
    to_lines AS (
      UPDATE usage_lineusage l SET used = l.used + d.used FROM (
        SELECT d.account_id, sum(d.up + d.down - d.free)::bigint AS used
          FROM days d JOIN usage_lineusage l ON l.tenant_id = %(tenant)s AND l.account_id = d.account_id
         WHERE d.day >= l.starts_on AND d.day < l.ends_on GROUP BY d.account_id) d
       WHERE l.tenant_id = %(tenant)s AND l.account_id = d.account_id AND d.used > 0),
    to_hours AS (
      INSERT INTO usage_hour AS u (tenant_id, account_id, hour, up, down)
      SELECT %(tenant)s, account_id, hour, up, down FROM hours WHERE hour >= %(oldest)s
      ON CONFLICT (tenant_id, account_id, hour) DO UPDATE SET up = u.up + excluded.up, down = u.down + excluded.down),
    to_days AS (
      INSERT INTO usage_day AS u (tenant_id, account_id, day, up, down, free)
      SELECT %(tenant)s, account_id, day, up, down, free FROM days
      ON CONFLICT (tenant_id, account_id, day) DO UPDATE SET up = u.up + excluded.up, down = u.down + excluded.down,
        free = u.free + excluded.free),
    to_months AS (
      INSERT INTO usage_month AS u (tenant_id, account_id, month, up, down)
      SELECT %(tenant)s, account_id, date_trunc('month', day)::date, sum(up), sum(down) FROM days GROUP BY 2, 3
      ON CONFLICT (tenant_id, account_id, month) DO UPDATE SET up = u.up + excluded.up, down = u.down + excluded.down),
    counted AS (
      INSERT INTO usage_sessioncount AS c (tenant_id, key, account_id, at, up, down, over, up_rate, down_rate, rates)
      SELECT %(tenant)s, g.key, g.account_id, g.at, g.up, g.down, g.over, rate.up, rate.down, ARRAY[rate.up + rate.down]
        FROM gain g CROSS JOIN LATERAL (
          SELECT CASE WHEN g.over OR g.at <= g.since THEN 0 ELSE (g.more_up * 8 / date_part('epoch', g.at - g.since))::bigint END AS up,
                 CASE WHEN g.over OR g.at <= g.since THEN 0 ELSE (g.more_down * 8 / date_part('epoch', g.at - g.since))::bigint END AS down) rate
      ON CONFLICT (key) DO UPDATE SET at = greatest(c.at, excluded.at), up = excluded.up, down = excluded.down,
        over = excluded.over, up_rate = excluded.up_rate, down_rate = excluded.down_rate,
        rates = (c.rates || excluded.rates)[cardinality(c.rates) - %(rates)s :])
    SELECT count(*) FROM gain"""
_FOLD_REPORTED = _FOLD.format(seen=_REPORTED)
_FOLD_FILED = _FOLD.format(seen=_FILED)
# A session that was not given up for silence never comes back: one with its key is another, and counted from nothing.
_FILED_IS_COUNTED = """
    WITH taken AS (
      DELETE FROM usage_uncounted q USING usage_sessioncount c
       WHERE q.tenant_id = %(tenant)s AND c.tenant_id = %(tenant)s AND c.key = q.key AND c.over AND c.up >= q.up AND c.down >= q.down
      RETURNING q.key, q.swept)
    DELETE FROM usage_sessioncount c USING taken t WHERE c.tenant_id = %(tenant)s AND c.key = t.key AND NOT t.swept"""


@transaction.atomic
def fold() -> int:
    """Add to the tenant's roll-ups what its sessions gained since the last fold, those that ended in between too.

    One transaction: killed, it leaves nothing; repeated, it finds nothing. Returns of how many sessions there was news.
    """
    take_turn()
    tenant_id = current_tenant_id()
    values: dict[str, Any] = {
        "tenant": tenant_id,
        "zone": current_tenant().timezone,
        "furthest": FURTHEST,
        "oldest": _oldest_partition(),
        "rates": RATES - 2,
        **_free_hours(),
    }
    news = 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM usage_uncounted WHERE tenant_id = %s)", [tenant_id])
        if cursor.fetchone()[0]:
            cursor.execute(_FOLD_FILED, values)
            news = cursor.fetchone()[0]
            cursor.execute(_FILED_IS_COUNTED, values)
        cursor.execute(_FOLD_REPORTED, values)
        return news + cursor.fetchone()[0]


def _free_hours() -> dict[str, list[int]]:
    """(plan, day of the week, hour) of all the hours that count toward no quota."""
    found = [
        (hours.plan_id, weekday, clock)
        for hours in PlanHours.objects.filter(free=True)
        for weekday, clock in hours.week()
    ]
    return dict(zip(("plans", "weekdays", "clocks"), ([row[n] for row in found] for n in range(3)), strict=True))


def window_of(hours: PlanHours) -> Window:
    return Window(
        frozenset(hours.days), hours.from_hour, hours.to_hour, hours.download_kbps, hours.upload_kbps, hours.free
    )


def take_turn() -> None:
    """One fold of a tenant at a time: the second must see what the first one wrote."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('usage.fold'), %s::int)", [current_tenant_id()])


def _oldest_partition() -> datetime:
    """The first hour that there surely is a partition for: two whole months back."""
    month = calendar.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _month in range(2):
        month = (month - timedelta(days=1)).replace(day=1)
    return month


def forget() -> int:
    """Notes on sessions that are over and can no longer come back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM usage_sessioncount WHERE tenant_id = %s AND over AND at < %s",
            [current_tenant_id(), calendar.now() - FORGET],
        )
        return cursor.rowcount


# --- reading ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moved:
    """What went through a line in one hour, day or month."""

    at: Any
    up: int
    down: int


def days_of(accounts: Sequence[int], since: date) -> list[Moved]:
    """Day by day from then on, all these accounts together; days without anything are left out."""
    return _read(
        "SELECT day, sum(up)::bigint, sum(down)::bigint FROM usage_day WHERE tenant_id = %s AND account_id = ANY (%s) AND day >= %s "
        "GROUP BY day ORDER BY day",
        [current_tenant_id(), list(accounts), since],
    )


def months_of(accounts: Sequence[int], most: int = 13) -> list[Moved]:
    """The newest months, newest first."""
    return _read(
        "SELECT month, sum(up)::bigint, sum(down)::bigint FROM usage_month WHERE tenant_id = %s AND account_id = ANY (%s) "
        "GROUP BY month ORDER BY month DESC LIMIT %s",
        [current_tenant_id(), list(accounts), most],
    )


def hours_of(accounts: Sequence[int], since: datetime) -> list[Moved]:
    """Hour by hour from then on."""
    return _read(
        "SELECT hour, sum(up)::bigint, sum(down)::bigint FROM usage_hour WHERE tenant_id = %s AND account_id = ANY (%s) AND hour >= %s "
        "GROUP BY hour ORDER BY hour",
        [current_tenant_id(), list(accounts), since],
    )


def _read(statement: str, values: list[Any]) -> list[Moved]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [Moved(*row) for row in cursor.fetchall()]


# --- the proof --------------------------------------------------------------------------------------------------


def verify() -> list[str]:
    """What contradicts itself: days against months, kept hours against their days, counts beyond their sessions."""
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "zone": current_tenant().timezone,
        "since": calendar.today() - timedelta(days=60),
        "oldest": _oldest_partition(),
    }
    faults = []
    with connection.cursor() as cursor:
        for words, statement in _PROOFS:
            cursor.execute(statement, values)
            if wrong := cursor.fetchone()[0]:
                faults.append(f"{words}: {wrong}")
    return faults


_PROOFS = (
    (
        "months that are not the sum of their days",
        """SELECT count(*) FROM (
             SELECT account_id, date_trunc('month', day)::date AS month, sum(up) AS up, sum(down) AS down
               FROM usage_day WHERE tenant_id = %(tenant)s GROUP BY 1, 2) d
           FULL JOIN (SELECT * FROM usage_month WHERE tenant_id = %(tenant)s) m USING (account_id, month)
            WHERE (d.up, d.down) IS DISTINCT FROM (m.up::numeric, m.down::numeric)""",
    ),
    (
        "days that are not the sum of their hours",
        """SELECT count(*) FROM (
             SELECT account_id, (hour AT TIME ZONE %(zone)s)::date AS day, sum(up) AS up, sum(down) AS down
               FROM usage_hour WHERE tenant_id = %(tenant)s AND hour >= %(oldest)s GROUP BY 1, 2) h
           FULL JOIN (SELECT * FROM usage_day WHERE tenant_id = %(tenant)s) d USING (account_id, day)
            WHERE day > (%(oldest)s::timestamptz AT TIME ZONE %(zone)s)::date
              AND (h.up, h.down) IS DISTINCT FROM (d.up::numeric, d.down::numeric)""",
    ),
    (
        "lines whose period is not the sum of its days",
        """SELECT count(*) FROM usage_lineusage l
            WHERE l.tenant_id = %(tenant)s AND l.used <> (
              SELECT coalesce(sum(d.up + d.down - d.free), 0) FROM usage_day d
               WHERE d.tenant_id = %(tenant)s AND d.account_id = l.account_id AND d.day >= l.starts_on AND d.day < l.ends_on)""",
    ),
    (
        "sessions counted beyond what they reported",
        """SELECT count(*) FROM usage_sessioncount c JOIN access_livesession s ON s.tenant_id = c.tenant_id AND s.key = c.key
            WHERE c.tenant_id = %(tenant)s AND (c.up > s.in_octets OR c.down > s.out_octets)""",
    ),
)


def make_partitions(ahead: int = 4) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT usage_make_partitions(%s, %s)", [calendar.now(), ahead])
        return cursor.fetchone()[0]


def drop_partitions(before: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT usage_drop_partitions(%s)", [before])
        return cursor.fetchone()[0]


def missing_partitions(ahead: int = 1) -> int:
    """How many of this month's and the next months' partitions are not there."""
    months, day = [], calendar.now().replace(day=1)
    for _month in range(ahead + 1):
        months.append(f"usage_hour_{day:%Y%m}")
        day = (day + timedelta(days=32)).replace(day=1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM unnest(%s::text[]) name WHERE to_regclass(name) IS NULL", [months])
        return cursor.fetchone()[0]
