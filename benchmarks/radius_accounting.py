"""Accounting packets a second over millions of past sessions: our live table and monthly history against stock radacct.

Size is the number of past sessions. Ten thousand sessions of 500,000 lines (fewer for a small size) start, report
twice and stop; `ratio` is over all of it, the parts are given too. Twenty thousand others are on all the while and in
the statistics of both sides: without them the stock queries choose a plan for a table where nobody is online, and become
several times slower. The stock side commits every packet to the disk; ours every Stop, not what the next report
says again (see radius_acct). Ours keeps a Stop apart and files it into the history within ten minutes, with all the
others: what that costs a session is measured on the two minutes of Stops that such rates bring together at the least,
and counted with the Stops. The sides take turns; the best round of each counts.
"""

import time

import django

from benchmarks import _radius as radius

NAME = "radius-accounting"
SIZES = (5_000_000,)
SESSIONS = 10_000
ROUNDS = 2
FILED = 500_000
STEPS = (
    ("start", "Start", 0),
    ("interim", "Interim-Update", 300),
    ("interim", "Interim-Update", 600),
    ("stop", "Stop", 700),
)


def run(size):
    radius.check_tools()
    django.setup()
    for each in [size] if size else SIZES:
        yield _compare(each)


def _compare(past):
    lines = max(SESSIONS, min(500_000, past // 10))
    radius.fill_ours(lines)
    radius.fill_stock(lines)
    radius.past_ours(past)
    radius.past_stock(past)
    for database in (None, "bench_stock"):
        radius.settle(database)
    best = {}
    for turn in range(ROUNDS):
        for which in ("ours", "stock"):
            with radius.server(which) as (_auth, acct):
                took = _story(acct, lines, turn)
            rates = ", ".join(f"{name} {_packets(name) / seconds:,.0f}/s" for name, seconds in took.items())
            radius.say(f"{which}: {rates}")
            kept = best.setdefault(which, took)
            best[which] = {name: min(kept[name], seconds) for name, seconds in took.items()}
    ours, stock = best["ours"], best["stock"]
    filing = _filing()
    ours["stop"] += filing * SESSIONS
    return {
        "size": past,
        "seconds": round(sum(ours.values()), 3),
        "floor_seconds": round(sum(stock.values()), 3),
        "ratio": round(sum(stock.values()) / sum(ours.values()), 2),
        **{f"{name}_ratio": round(stock[name] / ours[name], 2) for name in ours},
        **{f"{name}_per_second": round(_packets(name) / ours[name]) for name in ours},
        "filing_us": round(filing * 1e6, 1),
        **{f"stock_{name}_per_second": round(_packets(name) / stock[name]) for name in stock},
    }


def _packets(name):
    return SESSIONS * sum(1 for step in STEPS if step[0] == name)


def _story(port, lines, turn):
    # Sessions of their own in every run: to a report of one that has ended the stock server never answers.
    took, name_of_run = {}, f"{time.time():.0f}-{turn}"
    chosen = radius.some(lines, SESSIONS, turn)
    radius.reports(chosen[:500], [("Start", f"warm{name_of_run}", 0), ("Stop", f"warm{name_of_run}", 1)]).send(port)
    for name, status, seconds in STEPS:
        load = radius.reports(chosen, [(status, f"b{name_of_run}", seconds)])
        took[name] = took.get(name, 0) + load.send(port)
    return took


def _filing():
    """Seconds a session takes to be filed into the history, among so many as the job finds at these rates."""
    with radius.superuser() as opened:
        _file(opened)
        opened.execute(
            """INSERT INTO access_sessionfresh (key, tenant_id, nas_id, account_id, username, session_id, mac, ip,
                   started_at, ended_at, seconds, in_octets, out_octets, cause)
               SELECT md5(clock_timestamp()::text || n)::uuid, 1000001 + u %% %s, 1000001 + u %% %s, u + 1, 'user' || u + 1,
                      'f' || n, '02:00:00:00:00:01', '10.0.0.0'::inet + u, now() - interval '10 minutes', now(), 600, n, n * 7,
                      'User-Request'
                 FROM (SELECT n, hashint4(n) & 1048575 AS u FROM generate_series(1, %s) n) x""",
            [radius.TENANTS, radius.ROUTERS, FILED],
        )
        opened.execute("VACUUM ANALYZE access_sessionfresh")
        opened.execute("CHECKPOINT")
        began = time.perf_counter()
        filed = _file(opened)
        seconds = time.perf_counter() - began
    if filed != FILED:
        raise RuntimeError(f"{filed:,} sessions were filed instead of {FILED:,}")
    return seconds / FILED


def _file(opened):
    """As the job does: so many at once until none is left."""
    filed = 0
    while now := opened.execute("SELECT radius_file(now() + interval '1 hour', 50000)").fetchone()[0]:
        filed += now
    return filed
