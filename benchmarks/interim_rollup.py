"""Every five minutes each of 100,000 sessions has reported: what they gained goes into hours, days, months and their lines.

The floor is the bare INSERT … SELECT of the same rows into three tables of the same shape: what nobody can do without.
Between two rounds nothing changed: the job looks and finds nothing, as it does in most of its minutes.
"""

import time

from . import _radius as radius

NAME = "interim-rollup"
EVERY = 300  # seconds between two reports of a session
ROUNDS = 4
FLOOR = """
    DROP TABLE IF EXISTS bench_hour, bench_day, bench_month;
    CREATE TABLE bench_hour (tenant_id bigint, account_id bigint, hour timestamptz, up bigint, down bigint,
      PRIMARY KEY (tenant_id, account_id, hour));
    CREATE TABLE bench_day (tenant_id bigint, account_id bigint, day date, up bigint, down bigint,
      PRIMARY KEY (tenant_id, account_id, day));
    CREATE TABLE bench_month (LIKE bench_day INCLUDING ALL);"""


def run(size):
    import django

    django.setup()
    yield _measure(size or 100_000)


def _measure(lines):
    from fiberledger.tenancy import tenant_scope
    from fiberledger.tenancy.services import create_tenant
    from fiberledger.usage import rollup, services

    tenant = create_tenant(f"roll-{lines}", name="Bench", country="PK")
    folds, looks, floors = [], [], []
    with radius.superuser() as opened:
        _fill(opened, tenant.pk, lines)
        for number in range(ROUNDS + 1):
            _report(opened, tenant.pk)
            opened.execute("CHECKPOINT")
            folded, seconds = _timed(lambda: _in(tenant_scope, tenant.pk, rollup.fold))
            if folded != lines:
                raise RuntimeError(f"{folded:,} sessions were counted instead of {lines:,}")
            found, nothing = _timed(
                lambda: (_in(tenant_scope, tenant.pk, rollup.fold), _in(tenant_scope, tenant.pk, services.due))
            )
            if found != (0, []):
                raise RuntimeError(f"nothing had changed, and {found} was found")
            if number:  # the first one finds every table empty
                folds.append(seconds)
                looks.append(nothing)
                floors.append(_floor(opened, tenant.pk))
            _in(tenant_scope, tenant.pk, rollup.fold)
        opened.execute("DROP TABLE bench_hour, bench_day, bench_month")
    with tenant_scope(tenant.pk):
        if faults := rollup.verify():
            raise RuntimeError("; ".join(faults))
    fold = sorted(folds)[len(folds) // 2]
    return {
        "size": lines,
        "seconds": round(fold, 2),
        "of_a_core": f"{fold / EVERY:.1%}",
        "nothing_changed_ms": round(sorted(looks)[len(looks) // 2] * 1000),
        "floor_seconds": round(sorted(floors)[len(floors) // 2], 2),
    }


def _in(scope, tenant_id, verb):
    with scope(tenant_id):
        return verb()


def _timed(verb):
    began = time.perf_counter()
    answer = verb()
    return answer, time.perf_counter() - began


def _fill(opened, tenant_id, lines):
    opened.execute("SET session_replication_role = replica")  # the sessions alone: no accounts behind them
    opened.execute(
        """INSERT INTO access_livesession (key, tenant_id, nas_id, account_id, username, session_id, mac, ip, prefix6, called,
               started_at, updated_at, seconds, in_octets, out_octets, terms)
           SELECT md5(%s || 'on' || n)::uuid, %s, 1, n, 'online' || n, 'o' || n, '', NULL, '', '', now() - interval '2 hours',
                  now() - interval '1 hour', 3600, n * 100, n * 700, '0123456789ab' FROM generate_series(1, %s) n""",
        [str(tenant_id), tenant_id, lines],
    )
    opened.execute(
        """INSERT INTO usage_lineusage (tenant_id, account_id, plan_id, starts_on, ends_on, used, allowance, state, since, next_at,
               next_octets)
           SELECT %s, n, 1, current_date - 20, current_date + 10, 0, 1000000000000, 'plain', now(), now() + interval '10 days',
                  800000000000 FROM generate_series(1, %s) n""",
        [tenant_id, lines],
    )
    opened.execute("SET session_replication_role = origin")
    opened.execute("VACUUM ANALYZE access_livesession, usage_lineusage")


def _report(opened, tenant_id):
    """One round of interim reports, as the packets write them."""
    opened.execute(
        """UPDATE access_livesession SET updated_at = updated_at + %s * interval '1 second', seconds = seconds + %s,
               in_octets = in_octets + 1000000 + account_id, out_octets = out_octets + 7000000 + account_id
            WHERE tenant_id = %s""",
        [EVERY, EVERY, tenant_id],
    )


def _floor(opened, tenant_id):
    opened.execute(FLOOR)
    began = time.perf_counter()
    with opened.transaction():
        for name, at in (
            ("hour", "date_trunc('hour', updated_at)"),
            ("day", "updated_at::date"),
            ("month", "date_trunc('month', updated_at)::date"),
        ):
            opened.execute(
                f"INSERT INTO bench_{name} SELECT tenant_id, account_id, {at}, in_octets, out_octets FROM access_livesession WHERE tenant_id = %s",
                [tenant_id],
            )
    return time.perf_counter() - began
