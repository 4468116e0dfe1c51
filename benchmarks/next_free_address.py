"""Addresses given a second, the next free one each, through the service that the page calls, by 1 and by 16 writers at once; beside
the bare statements of the same: the same function that finds it, the same row, the same audit entry, one durable
transaction each. A /8 with so many addresses held already, the first 65,536 of them without a gap.

Every writer is a process of its own, on both sides. At the end no address was given twice.
"""

from __future__ import annotations

import ipaddress
import multiprocessing
import os
import sys
import time
import uuid

NAME = "next-free-address"
HELD = 200_000
WRITERS = (1, 16)
SECONDS = 5

FLOOR = """
CREATE OR REPLACE FUNCTION bench_give(tenant bigint, prefix bigint, vrf bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE found inet; made bigint;
BEGIN
  PERFORM set_config('app.tenant_id', tenant::text, true);
  found := ipam_next_free(prefix, NULL);
  INSERT INTO ipam_holding (tenant_id, vrf_id, network, state, purpose, origin, began_at, began_by, ended_by, why_ended)
    VALUES (tenant, vrf, found::cidr, 'assigned', 'bench', 'hand', clock_timestamp(), 'bench', '', '') RETURNING id INTO made;
  INSERT INTO audit_entry (tenant_id, at, actor_kind, actor_name, on_behalf_of, action, target_type, target_id, target_label, after)
    VALUES (tenant, clock_timestamp(), 'system', 'bench', '', 'address.assigned', 'ipam.holding', made::text, host(found),
            jsonb_build_object('address', host(found), 'line', null, 'purpose', 'bench'));
END $$"""


def run(size=None):
    import django

    django.setup()
    tenant_id, prefix_id, vrf_id = fill(size or HELD)
    for writers in WRITERS:
        floor, ours = (measure(side, tenant_id, prefix_id, vrf_id, writers) for side in ("floor", "ours"))
        yield {
            "size": writers,
            "per_second": round(ours["rate"]),
            "floor_per_second": round(floor["rate"]),
            "ratio": round(ours["rate"] / floor["rate"], 3),
            "p50_ms": ours["p50"],
            "p95_ms": ours["p95"],
            "floor_p95_ms": floor["p95"],
            "given_twice": twice(tenant_id),
        }


def fill(held):
    from django.db import connection

    from benchmarks._radius import settle, superuser
    from fiberledger.identity import Actor
    from fiberledger.ipam import services
    from fiberledger.ipam.models import Prefix
    from fiberledger.operate import environment
    from fiberledger.tenancy import tenant_scope
    from fiberledger.tenancy.services import create_tenant

    tenant = create_tenant(f"addresses-{uuid.uuid4().hex[:8]}", name="Addresses", country="PK")
    with tenant_scope(tenant.pk):
        prefix = services.save_prefix(Prefix(network=ipaddress.ip_network("10.0.0.0/8")), by=Actor.system("bench"))
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO ipam_holding (tenant_id, vrf_id, network, state, purpose, origin, began_at, began_by, ended_by, why_ended)
                   SELECT %s, %s, ('10.0.0.0'::inet + n * CASE WHEN n < 65536 THEN 1 ELSE 7 END)::cidr, 'assigned', 'x', 'hand', now(),
                          '', '', '' FROM generate_series(0, %s::bigint - 1) n""",
                [tenant.pk, prefix.vrf_id, held],
            )
    settle(environment.superuser()["dbname"])
    with superuser() as opened:
        opened.execute(FLOOR)
        opened.execute("GRANT EXECUTE ON FUNCTION bench_give(bigint, bigint, bigint) TO fl_app")
    return tenant.pk, prefix.pk, prefix.vrf_id


def measure(side, tenant_id, prefix_id, vrf_id, writers):
    context = multiprocessing.get_context("spawn")
    start, told = context.Barrier(writers), context.Queue()
    processes = [
        context.Process(target=_write, args=(side, tenant_id, prefix_id, vrf_id, start, told)) for _n in range(writers)
    ]
    for one in processes:
        one.start()
    times = sorted(seconds for _process in processes for seconds in told.get(timeout=SECONDS + 120))
    for one in processes:
        one.join()
    print(f"{side} {writers}: {len(times)} given", file=sys.stderr)
    return {
        "rate": len(times) / SECONDS,
        "p50": round(times[len(times) // 2] * 1000, 2),
        "p95": round(times[int(len(times) * 0.95)] * 1000, 2),
    }


def _write(side, tenant_id, prefix_id, vrf_id, start, told):
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fiberledger.settings")
    import django

    django.setup()
    from django.db import connection

    from fiberledger.identity import Actor
    from fiberledger.ipam import services
    from fiberledger.ipam.models import Prefix
    from fiberledger.tenancy import tenant_scope

    by, times = Actor.system("bench"), []

    def ours():
        with tenant_scope(tenant_id):
            services.assign(prefix=Prefix.objects.get(pk=prefix_id), purpose="bench", by=by)

    def floor():
        with connection.cursor() as cursor:
            cursor.execute("SELECT bench_give(%s, %s, %s)", [tenant_id, prefix_id, vrf_id])

    give = ours if side == "ours" else floor
    give()
    start.wait()
    until = time.perf_counter() + SECONDS
    while (began := time.perf_counter()) < until:
        give()
        times.append(time.perf_counter() - began)
    told.put(times)


def twice(tenant_id):
    from benchmarks._radius import superuser

    with superuser() as opened:
        return opened.execute(
            """SELECT count(*) - count(DISTINCT network) FROM ipam_holding WHERE tenant_id = %s AND ended_at IS NULL""",
            [tenant_id],
        ).fetchone()[0]
