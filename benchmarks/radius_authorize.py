"""Logins a second: FreeRADIUS on our one function, against FreeRADIUS on its stock SQL schema.

Size is the number of lines, in 200 tenants, with ten past sessions each and twenty thousand online. PAP; each line is bound to
its MAC address and may have one device online (the stock side checks Calling-Station-Id and Simultaneous-Use); the same
seven attributes in the answer, ours out of those for its kind of router. The sides take turns, three rounds each; the best round of each counts.
"""

import django

from benchmarks import _radius as radius

NAME = "radius-authorize"
SIZES = (500_000,)
LOGINS = 20_000
ROUNDS = 3


def run(size):
    radius.check_tools()
    django.setup()
    for each in [size] if size else SIZES:
        yield _compare(each)


def _compare(lines):
    radius.fill_ours(lines)
    radius.fill_stock(lines)
    radius.past_ours(10 * lines)
    radius.past_stock(10 * lines)
    for database in (None, "bench_stock"):
        radius.settle(database)
    best = {}
    for turn in range(ROUNDS):
        for which in ("ours", "stock"):
            with radius.server(which) as (auth, _acct):
                radius.logins(radius.some(lines, LOGINS // 4, 99)).send(auth)  # warm
                load = radius.logins(radius.some(lines, LOGINS, turn))
                seconds = load.send(auth) / len(load.packets)
            radius.say(f"{which}: {1 / seconds:,.0f} logins/s")
            best[which] = min(best.get(which, seconds), seconds)
    return {
        "size": lines,
        "seconds": round(best["ours"] * LOGINS, 3),
        "floor_seconds": round(best["stock"] * LOGINS, 3),
        "ratio": round(best["stock"] / best["ours"], 2),
        "per_second": round(1 / best["ours"]),
        "stock_per_second": round(1 / best["stock"]),
    }
