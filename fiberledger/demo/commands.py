from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from fiberledger.operate import environment


def add_commands(subparsers: Any) -> None:
    demo = subparsers.add_parser(
        "demo", help="two providers with half a year behind them, to look around in"
    ).add_subparsers(dest="verb", required=True)
    load = demo.add_parser(
        "load",
        help="live half a year for both, through the same services a clerk uses",
        description="Creates the platform, Bright ISP (Pakistan) and Savanna Net (Kenya) and lives the six months up to "
        "today for them. Refuses where they exist; with --reset the database is emptied first, which is refused while "
        "anybody else's company is in it.",
    )
    load.add_argument("--reset", action="store_true", help="throw the demo away and load it again")
    load.set_defaults(run=_load)
    live = demo.add_parser("live", help="live one company's half year (what load starts for each)")
    live.add_argument("slug")
    live.set_defaults(run=_live)
    network = demo.add_parser(
        "network", help="simulate the demo's routers until stopped (what `fiberledger run` starts)"
    )
    network.set_defaults(run=_network)
    broken = demo.add_parser(
        "break", help="break something on the demo's router by hand, to watch it being seen and put right"
    )
    broken.set_defaults(run=_break)
    demo.add_parser("logins", help="who may look around").set_defaults(run=_logins, needs="nothing")


def _load(options: Any) -> int:
    from fiberledger.tenancy import Refusal
    from fiberledger.tenancy.models import Tenant

    from .cast import COMPANIES
    from .stage import build_tree, empty_database

    ours = {*COMPANIES, "platform"}
    there = set(Tenant.objects.values_list("slug", flat=True))
    if there and not options.reset:
        raise Refusal("there are companies already; --reset throws the demo away and loads it again")
    if there - ours:
        raise Refusal(f"{', '.join(sorted(there - ours))} would be lost: the demo is reset only where it is alone")
    if there:
        empty_database()
    build_tree()
    # A demo that is lost to a power cut is loaded again; no need to wait for the disk at every payment.
    hasty = {**os.environ, "PGOPTIONS": "-c synchronous_commit=off"}
    lives = [
        subprocess.Popen([sys.executable, "-m", "fiberledger", "demo", "live", slug], env=hasty) for slug in COMPANIES
    ]
    code = max(life.wait() for life in lives)
    if code == 0:
        environment.make_data_dir()
        environment.demo_note().write_text("done")  # `fiberledger run` shows the logins then
    return code


def _live(options: Any) -> int:
    from fiberledger.access.play import play_sessions
    from fiberledger.tenancy import Refusal
    from fiberledger.tenancy.models import Tenant
    from fiberledger.usage.tasks import fold

    from .cast import COMPANIES
    from .life import Life
    from .stage import today_of

    if options.slug not in COMPANIES:
        raise Refusal(f"the demo knows {', '.join(COMPANIES)}")
    tenant = Tenant.objects.get(slug=options.slug)
    Life(COMPANIES[options.slug], tenant, today_of(tenant), lambda text: print(text, flush=True)).live()
    play_sessions(tenant.pk)
    fold(tenant.pk)
    return 0


def _network(options: Any) -> int:
    from fiberledger.tenancy import Refusal

    from .network import run

    if not environment.shows_demo():
        raise Refusal("there is no demo here: fiberledger demo load")
    run()
    return 0


def _break(options: Any) -> int:
    from .network import break_something

    for sentence in break_something():
        print(sentence)
    print(
        "Within five minutes, or when you press “Ask it now” on the router's page: Network → Drift and → Router commands."
    )
    return 0


def _logins(options: Any) -> int:
    from . import LOGINS

    for role, where, email, password in LOGINS:
        print(f"{role:10} {where:22} {email:28} {password}")
    return 0
