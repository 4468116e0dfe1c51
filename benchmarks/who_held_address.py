"""Who held an address at a time, among so many past sessions and as many fixed addresses of the past: through the function that a case
file calls, beside one bare look-up of the same session by its index, both by the role that serves requests.

A hundred tenants have the same private addresses. `--size 100000000` is the promise (p95 below 200 ms); it takes a while to fill.
"""

from __future__ import annotations

import ipaddress
import random
import time
import uuid
from datetime import timedelta

NAME = "who-held-address"
ROWS = 400_000
TENANTS = 100
QUESTIONS = 400
MONTHS = 4


def run(size=None):
    import django

    django.setup()
    from fiberledger.tenancy.services import create_tenant

    rows = size or ROWS
    tenant = create_tenant(f"who-{uuid.uuid4().hex[:8]}", name="Who", country="PK")
    addresses, began = fill(tenant.pk, rows // 2)
    ours, floor, empty = ask(tenant.pk, addresses, began)
    yield {
        "size": rows,
        "p50_ms": ours[len(ours) // 2],
        "p95_ms": ours[int(len(ours) * 0.95)],
        "floor_p95_ms": floor[int(len(floor) * 0.95)],
        "ratio": round(ours[len(ours) // 2] / floor[len(floor) // 2], 2),
        "without_an_answer": empty,
    }


def fill(tenant_id, half):
    """Sessions of six hours without a gap, on as many addresses as that takes; a fixed address for every session, long given back."""
    from benchmarks._radius import say, settle, superuser
    from fiberledger import calendar
    from fiberledger.operate import environment

    each = MONTHS * 30 * 4
    addresses = max(1, half // TENANTS // each)
    began = calendar.now() - timedelta(days=MONTHS * 30)
    at = time.monotonic()
    with superuser() as opened:
        opened.execute("SELECT access_make_partitions(%s, %s)", [began + timedelta(days=62), MONTHS + 2])
        opened.execute("SET session_replication_role = replica")
        opened.execute(
            """INSERT INTO access_sessionhistory (key, tenant_id, nas_id, account_id, username, session_id, mac, ip, started_at, ended_at,
                      seconds, in_octets, out_octets)
               SELECT gen_random_uuid(), CASE t WHEN 0 THEN %(tenant)s ELSE 9000000 + t END, 1, NULL, 'user' || a, 's', '',
                      '10.20.0.0'::inet + a, %(began)s + n * interval '6 hours', %(began)s + (n + 1) * interval '6 hours', 21600, 1, 1
                 FROM generate_series(0, %(each)s - 1) n, generate_series(0, %(tenants)s - 1) t, generate_series(1, %(addresses)s) a""",
            {"tenant": tenant_id, "began": began, "each": each, "tenants": TENANTS, "addresses": addresses},
        )
        opened.execute(
            """INSERT INTO ipam_holding (tenant_id, vrf_id, network, state, purpose, origin, began_at, began_by, ended_at, ended_by, why_ended)
               SELECT CASE n %% %(tenants)s WHEN 0 THEN %(tenant)s ELSE 9000000 + n %% %(tenants)s END, 1,
                      ('10.20.0.0'::inet + n / %(tenants)s %% 65000)::cidr, 'assigned', 'x', 'hand', %(began)s - n * interval '1 second', '',
                      %(began)s, '', '' FROM generate_series(1, %(half)s) n""",
            {"tenant": tenant_id, "began": began, "tenants": TENANTS, "half": half},
        )
    settle(environment.superuser()["dbname"])
    say(f"{2 * half:,} rows written in {time.monotonic() - at:.0f} s")
    return addresses, began


def ask(tenant_id, addresses, began):
    from django.db import connection

    from fiberledger.tenancy import tenant_scope
    from fiberledger.tracing import finding

    chance, ours, floor, empty = random.Random(1), [], [], 0
    bare = """SELECT username FROM access_sessionhistory WHERE tenant_id = %s AND ip = %s AND ended_at > %s AND ended_at <= %s"""
    for _n in range(QUESTIONS):
        ip = ipaddress.ip_address("10.20.0.0") + chance.randint(1, addresses)
        at = began + timedelta(seconds=chance.randint(60, MONTHS * 30 * 86_400 - 60))
        with tenant_scope(tenant_id):
            start = time.perf_counter()
            found = finding.holders(ip, None, at)
            ours.append(round((time.perf_counter() - start) * 1000, 2))
            with connection.cursor() as cursor:
                start = time.perf_counter()
                cursor.execute(bare, [tenant_id, str(ip), at, at + timedelta(hours=6)])
                cursor.fetchall()
                floor.append(round((time.perf_counter() - start) * 1000, 2))
        empty += len([one for one in found if one.source == "session"]) != 1
    return sorted(ours), sorted(floor), empty
