"""Sessions for a demonstration: weeks of past ones and some that are on now, as routers would have reported them."""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction

from fiberledger import calendar

# A line's nights differ by its number alone, so the same demonstration has the same past.
_PAST = """
    INSERT INTO access_sessionhistory (key, tenant_id, nas_id, account_id, username, session_id, mac, ip, started_at,
        ended_at, seconds, in_octets, out_octets, cause)
    SELECT md5(x.id || '-' || x.d)::uuid, x.tenant_id, x.nas_id, x.id, lower(x.username), upper(lpad(to_hex(x.id * 64 + x.d), 8, '0')),
           x.mac, x.ip, ended - make_interval(secs => secs), ended, secs, secs * (9000 + 400 * (x.id %% 37)), secs * (70000 + 3000 * (x.id %% 41)),
           (ARRAY['User-Request', 'Lost-Carrier', 'Session-Timeout', 'Lost-Carrier'])[1 + (x.id + x.d) %% 4]
      FROM (SELECT a.id, a.tenant_id, a.username, n.id AS nas_id, d, 9000 + (a.id * 7919 + d * 104729) %% 70000 AS secs,
                   %s::timestamptz - make_interval(days => d) - make_interval(secs => (a.id * 31 + d * 977) %% 14000) AS ended,
                   {device} AS mac, {address} AS ip
              FROM access_accessaccount a
              CROSS JOIN generate_series(1, %s) d
              JOIN LATERAL (SELECT id FROM access_nas WHERE tenant_id = a.tenant_id ORDER BY id LIMIT 1) n ON true
             WHERE a.tenant_id = %s AND a.kind <> 'static' AND (a.id + d) %% 3 <> 0) x
    ON CONFLICT DO NOTHING"""
_LIVE = """
    INSERT INTO access_livesession AS l (key, tenant_id, nas_id, account_id, username, session_id, mac, ip, prefix6, called, started_at,
        updated_at, seconds, in_octets, out_octets, terms)
    SELECT md5('live-' || a.id)::uuid, a.tenant_id, n.id, a.id, r.username, upper(lpad(to_hex(a.id), 8, '8')), {device}, {address}, '',
           'pppoe1', at - make_interval(secs => secs), at, secs, secs * (9000 + 400 * (a.id %% 37)), secs * (70000 + 3000 * (a.id %% 41)),
           CASE WHEN r.verdict = 'accept' THEN r.terms ELSE 'walled' END
      FROM access_accessaccount a
      JOIN LATERAL (SELECT id, for_suspended FROM access_nas WHERE tenant_id = a.tenant_id ORDER BY id LIMIT 1) n ON true
      JOIN radius_line r ON r.account_id = a.id AND (r.verdict = 'accept' OR (r.verdict = 'walled' AND n.for_suspended = 'walled'))
      CROSS JOIN LATERAL (SELECT %s::timestamptz - make_interval(secs => a.id %% 280) AS at, {seconds} AS secs) t
     WHERE a.tenant_id = %s AND a.id %% 10 < 7
    ON CONFLICT (key) DO UPDATE SET updated_at = excluded.updated_at,
        seconds = extract(epoch FROM excluded.updated_at - l.started_at),
        in_octets = l.in_octets + (9000 + 400 * (l.account_id %% 37)) * extract(epoch FROM excluded.updated_at - l.updated_at),
        out_octets = l.out_octets + (70000 + 3000 * (l.account_id %% 41)) * extract(epoch FROM excluded.updated_at - l.updated_at)
     WHERE excluded.updated_at > l.updated_at"""
# Every fifth line has learned its device; some of those who try have another one now, and some do not know their password.
_BOUND = """
    WITH bound AS (
      UPDATE access_accessaccount a SET learn_mac = true, only_mac = {device}, known_port = 'ether' || 2 + a.id %% 7, known_nas_id = n.id
        FROM (SELECT id, tenant_id FROM access_nas WHERE tenant_id = %(tenant)s ORDER BY id LIMIT 1) n
       WHERE a.tenant_id = n.tenant_id AND a.kind = 'pppoe' AND a.only_mac = '' AND a.id %% 5 = 3
      RETURNING a.id, a.tenant_id, a.only_mac, a.known_nas_id),
    told AS (
      INSERT INTO access_bindingchange (tenant_id, account_id, nas_id, how, old_mac, new_mac, old_port, new_port, at, actor_name, noted)
      SELECT tenant_id, id, known_nas_id, 'learned', '', only_mac, '', '', %(now)s::timestamptz - make_interval(days => (40 + id %% 9)::int), 'RADIUS', true
        FROM bound)
    UPDATE radius_line r SET only_mac = b.only_mac FROM bound b WHERE r.account_id = b.id"""
_REFUSED = """
    INSERT INTO access_refusedlogin (tenant_id, username, nas_id, mac, port, reason, first_at, last_at, times)
    SELECT a.tenant_id, lower(a.username), n.id, 'C4:AD:34' || substr({device}, 9), 'ether' || 2 + a.id %% 7,
           CASE WHEN a.only_mac <> '' THEN 'This account is bound to another device.' ELSE 'Wrong password.' END,
           at - make_interval(mins => (a.id %% 90)::int), at, 1 + a.id %% 11
      FROM access_accessaccount a
      JOIN LATERAL (SELECT id FROM access_nas WHERE tenant_id = a.tenant_id ORDER BY id LIMIT 1) n ON true
      CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - make_interval(mins => (a.id * 7 %% 900)::int) AS at) t
     WHERE a.tenant_id = %(tenant)s AND a.kind = 'pppoe' AND a.id %% 10 >= 7 AND (a.id %% 12 = 0 OR a.id %% 13 = 0)
    ON CONFLICT DO NOTHING"""
_LOG = """
    INSERT INTO access_loginentry (tenant_id, at, username, nas_id, account_id, mac, port, reason, times, last_at)
    SELECT f.tenant_id, date_trunc('minute', f.last_at - make_interval(hours => h)), f.username, f.nas_id, l.account_id, f.mac, f.port,
           f.reason, 1 + h %% 3, f.last_at - make_interval(hours => h)
      FROM access_refusedlogin f LEFT JOIN radius_line l ON l.tenant_id = f.tenant_id AND l.username = f.username
      CROSS JOIN generate_series(0, 40, 5) h
     WHERE f.tenant_id = %(tenant)s
    ON CONFLICT DO NOTHING"""
_GUESSED = """
    INSERT INTO access_loginguess (tenant_id, kind, subject, nas_id, tries, began_at, last_at, alerted_at)
    SELECT f.tenant_id, x.kind, x.subject, f.nas_id, 34, f.last_at - interval '8 minutes', f.last_at, f.last_at
      FROM (SELECT * FROM access_refusedlogin WHERE tenant_id = %(tenant)s AND reason = 'Wrong password.' ORDER BY last_at DESC LIMIT 1) f
      CROSS JOIN LATERAL (VALUES ('user', f.username), ('device', f.mac)) x (kind, subject)
    ON CONFLICT DO NOTHING"""
_DROP = "SELECT radius_close(array_agg(key), 'Admin-Reset', false) FROM access_livesession WHERE tenant_id = %s AND session_id = %s HAVING count(*) > 0"
_DEVICE = "'48:8F:5A:' || upper(substr(md5(a.id::text), 1, 2) || ':' || substr(md5(a.id::text), 3, 2) || ':' || substr(md5(a.id::text), 5, 2))"
_ADDRESS = "coalesce(a.static_ip, '10.20.0.0'::inet + a.id %% 60000)"
_NAMES = {"device": _DEVICE, "address": _ADDRESS}


def play_sessions(tenant_id: int, *, days: int = 45) -> int:
    """Give every login of the tenant a past and most of them a session now. Returns how many sessions.

    Call it outside a tenant_scope, when the accounts are committed. The live ones are swept after a quarter of an hour,
    as any session is that no router reports any more, unless `play_on` reports them.
    """
    with transaction.atomic(using="control"), connections["control"].cursor() as cursor:
        cursor.execute(_PAST.format(**_NAMES), [calendar.now(), min(days, 50), tenant_id])
        past = cursor.rowcount
        for what in (_BOUND, _REFUSED, _LOG, _GUESSED):
            cursor.execute(what.format(**_NAMES), {"tenant": tenant_id, "now": calendar.now()})
        return past + _play(cursor, tenant_id, "600 + (a.id * 7919) %% 60000")


def play_on(tenant_id: int) -> int:
    """What the routers of the demonstration would report now: sessions go on until they are dropped, and who may come
    back does, behind the wall where that is where they belong. Returns how many reports."""
    with transaction.atomic(using="control"), connections["control"].cursor() as cursor:
        return _play(cursor, tenant_id, "0")


def drop(tenant_id: int, session_id: str) -> None:
    """The router of the demonstration says that this session is over."""
    with transaction.atomic(using="control"), connections["control"].cursor() as cursor:
        cursor.execute(_DROP, [tenant_id, session_id])


def _play(cursor: Any, tenant_id: int, seconds: str) -> int:
    cursor.execute(_LIVE.format(**_NAMES, seconds=seconds), [calendar.now(), tenant_id])
    return cursor.rowcount
