"""`fiberledger radius …`: FreeRADIUS' configuration, FreeRADIUS itself, and the projection it reads."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from fiberledger.operate import Trouble


def add_commands(subparsers: Any) -> None:
    radius = subparsers.add_parser("radius", help="FreeRADIUS: who may enter, who is online")
    verbs = radius.add_subparsers(dest="verb", required=True, metavar="VERB")

    config = verbs.add_parser(
        "config",
        help="write FreeRADIUS' configuration",
        description="Writes a complete configuration that `freeradius -X -d DIR` starts as it is. It holds secrets: the "
        "files are readable to one user only. As root that user is freerad, when it can reach DIR and the database.",
    )
    config.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write")
    _how_to_listen(config)
    config.add_argument("--no-check", action="store_true", help="do not let FreeRADIUS check it")
    config.set_defaults(run=_config)

    run = verbs.add_parser(
        "run",
        help="run FreeRADIUS in the foreground",
        description="Writes the configuration to DATA_DIR/radius and runs FreeRADIUS with it until Ctrl-C.",
    )
    _how_to_listen(run)
    run.add_argument("--debug", action="store_true", help="say everything about every packet (freeradius -X)")
    run.set_defaults(run=_run)

    rebuild = verbs.add_parser(
        "rebuild",
        help="write the projection anew from subscriptions, plans and accounts",
        description="Makes what FreeRADIUS reads equal to what the rules say. Writes only what differs.",
    )
    rebuild.add_argument("--tenant", metavar="SLUG", help="this tenant only")
    rebuild.add_argument("--json", action="store_true", help="print a JSON object per tenant")
    rebuild.set_defaults(run=_rebuild)

    check = verbs.add_parser(
        "check",
        help="compare the projection with what it should be",
        description="Changes nothing. Exit code 1 when lines differ or partitions are missing.",
    )
    check.add_argument("--tenant", metavar="SLUG", help="this tenant only")
    check.add_argument("--json", action="store_true", help="print a JSON object per tenant")
    check.set_defaults(run=_check)

    drift = verbs.add_parser(
        "drift",
        help="sessions that are not what the books say",
        description="Looks anew, and heals nothing. Exit code 1 when a session differs that nobody has accepted.",
    )
    drift.add_argument("--tenant", metavar="SLUG", help="this tenant only")
    drift.add_argument("--json", action="store_true", help="print a JSON object per session")
    drift.set_defaults(run=_drift)

    wireguard = verbs.add_parser(
        "wireguard",
        help="the server's side of the routers' tunnels",
        description="Prints a configuration for wg-quick with every router that has a WireGuard tunnel, of all tenants. It holds "
        "our private key. WIREGUARD_ENDPOINT is where routers find us, RADIUS_ADDRESS our address in the tunnel.",
    )
    wireguard.set_defaults(run=_wireguard)

    status = verbs.add_parser("status", help="who is online, which routers are silent, what waits")
    status.add_argument("--tenant", metavar="SLUG", help="this tenant only")
    status.add_argument("--json", action="store_true", help="print one JSON object")
    status.set_defaults(run=_status)


def _how_to_listen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen", default=os.environ.get("RADIUS_LISTEN", "*"), metavar="ADDRESS",
        help="IPv4 address to listen on (RADIUS_LISTEN; default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--auth-port", type=int, default=int(os.environ.get("RADIUS_AUTH_PORT", "1812")), metavar="PORT",
        help="for logins (RADIUS_AUTH_PORT; default 1812)",
    )  # fmt: skip
    parser.add_argument(
        "--acct-port", type=int, default=int(os.environ.get("RADIUS_ACCT_PORT", "1813")), metavar="PORT",
        help="for accounting (RADIUS_ACCT_PORT; default 1813)",
    )  # fmt: skip
    parser.add_argument(
        "--reject-delay", type=int, default=1, choices=range(6), metavar="N",
        help="seconds a refusal waits, against guessing (default 1)",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=16, metavar="N", help="requests served at once (default 16)")
    parser.add_argument(
        "--client-seconds", type=int, default=300, metavar="N",
        help="how long a router's secret is remembered (default 300)",
    )  # fmt: skip


def _setup(options: Any, folder: Path) -> Any:
    from fiberledger.operate import environment

    from . import freeradius, secrets

    database = environment.connection("fl_radius")
    folder.mkdir(parents=True, exist_ok=True)
    reach = [folder] + ([Path(database["host"])] if database.get("host", "").startswith("/") else [])
    for port in (options.auth_port, options.acct_port):
        if not 0 < port < 65536:
            raise Trouble(f"a port is a number from 1 to 65535, not {port}")
    return freeradius.Setup(
        database=database,
        key=secrets.radius_key(),
        listen=options.listen,
        auth_port=options.auth_port,
        acct_port=options.acct_port,
        client_seconds=options.client_seconds,
        threads=max(2, options.threads),
        reject_delay=options.reject_delay,
        user=freeradius.unprivileged_user(*reach),
    )


def _config(options: Any) -> int:
    from . import freeradius

    folder = options.out.absolute()
    setup = _setup(options, folder)
    freeradius.write(folder, setup)
    if not options.no_check and (fault := freeradius.check(folder)):
        raise Trouble(f"FreeRADIUS does not accept the configuration: {fault}")
    if os.geteuid() == 0 and setup.user is None:
        print(
            f"fiberledger: FreeRADIUS will stay root: its own user cannot reach {folder} or the database's socket",
            file=sys.stderr,
        )
    print(f"{folder}: start it with  {freeradius.program()} -X -d {folder}")
    return 0


def _run(options: Any) -> int:
    from fiberledger.operate import environment

    from . import freeradius

    folder = environment.make_data_dir() / "radius"
    setup = _setup(options, folder)
    freeradius.write(folder, setup)
    if fault := freeradius.check(folder):
        raise Trouble(f"FreeRADIUS does not accept the configuration: {fault}")
    command = [freeradius.program(), *(["-X"] if options.debug else ["-f", "-l", "stdout"]), "-d", str(folder)]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_die_with_us)
    asked: list[int] = []

    def stop(number: int, _frame: Any) -> None:
        asked.append(number)
        child.terminate()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    print(f"FreeRADIUS listens on {options.listen}:{options.auth_port} and :{options.acct_port}", flush=True)
    code = child.wait()
    if not asked:
        raise Trouble(f"FreeRADIUS ended by itself with code {code}; {folder}/log/radius.log or --debug says why")
    return 0


def _die_with_us() -> None:
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG


def _tenants(slug: str | None) -> list[Any]:
    from fiberledger.tenancy import Refusal
    from fiberledger.tenancy.models import Tenant

    found = list(Tenant.objects.filter(slug=slug) if slug else Tenant.objects.filter(kind="isp").order_by("slug"))
    if slug and not found:
        raise Refusal(f"there is no tenant {slug!r}")
    return found


def _wireguard(options: Any) -> int:
    from fiberledger.tenancy import tenant_scope
    from fiberledger.tenancy.models import Tenant

    from . import tunnel
    from .models import Nas

    address = os.environ.get("RADIUS_ADDRESS", "")
    if not address:
        raise Trouble("set RADIUS_ADDRESS to this server's own address in the tunnel, e.g. 10.99.0.1")
    routers = []
    for tenant in Tenant.objects.order_by("pk"):
        with tenant_scope(tenant.pk):
            for nas in Nas.objects.in_use().filter(tunnel=True).order_by("pk"):
                routers.append((f"{tenant.slug}: {nas.name}", nas.tunnel_public, nas.src_ip))
    print(tunnel.server_side(routers, address=address))
    return 0


def _rebuild(options: Any) -> int:
    from fiberledger.tenancy import tenant_scope

    from . import services

    for tenant in _tenants(options.tenant):
        with tenant_scope(tenant.pk):
            done = services.rebuild()
            services.reconcile()
        if options.json:
            print(
                json.dumps(
                    {"tenant": tenant.slug, "lines": done.lines, "written": len(done.written), "removed": done.removed}
                )
            )
        else:
            print(f"{tenant.slug}: {done.lines} lines, {len(done.written)} written, {done.removed} removed")
    return 0


def _check(options: Any) -> int:
    from fiberledger.tenancy import tenant_scope

    from . import services

    wrong = services.missing_partitions() > 0
    if wrong:
        print("fiberledger: partitions of the session history are missing; is a worker running?", file=sys.stderr)
    for tenant in _tenants(options.tenant):
        with tenant_scope(tenant.pk):
            done = services.rebuild(dry=True)
        wrong = wrong or done.drift > 0
        if options.json:
            print(
                json.dumps(
                    {"tenant": tenant.slug, "lines": done.lines, "differ": len(done.written), "extra": done.removed}
                )
            )
        else:
            print(f"{tenant.slug}: {done.lines} lines, " + ("all right" if not done.drift else f"{done.drift} differ"))
    return int(wrong)


def _drift(options: Any) -> int:
    from fiberledger.tenancy import tenant_scope

    from . import drift
    from .models import Drift

    differ = False
    for tenant in _tenants(options.tenant):
        with tenant_scope(tenant.pk):
            drift.look()
            found = list(Drift.objects.standing().select_related("nas").order_by("since"))
        differ = differ or any(not one.is_accepted for one in found)
        for one in found:
            if options.json:
                print(
                    json.dumps(
                        {
                            "tenant": tenant.slug, "username": one.username, "router": one.nas.name, "kind": one.kind,
                            "since": one.since.isoformat(), "accepted": one.is_accepted, "last_command": one.sent,
                        }
                    )
                )  # fmt: skip
            else:
                accepted = f", accepted by {one.accepted_by}" if one.is_accepted else ""
                print(
                    f"{tenant.slug}: {one.username} at {one.nas.name} since {one.since:%Y-%m-%d %H:%M} UTC: {one.kind}{accepted}"
                )
        if not found and not options.json:
            print(f"{tenant.slug}: every session is as the books say")
    return int(differ)


def _status(options: Any) -> int:
    from fiberledger.tenancy import tenant_scope

    from . import freeradius, services
    from .models import LineCommand, LiveSession, Nas

    tenants = []
    for tenant in _tenants(options.tenant):
        with tenant_scope(tenant.pk):
            tenants.append(
                {
                    "tenant": tenant.slug,
                    "online": LiveSession.objects.count(),
                    "routers": Nas.objects.in_use().count(),
                    "silent": list(Nas.objects.silent().values_list("name", flat=True)),
                    "commands_waiting": LineCommand.objects.waiting().count(),
                }
            )
    try:
        program: str | None = freeradius.program()
    except Trouble:
        program = None
    state = {"freeradius": program, "partitions_missing": services.missing_partitions(), "tenants": tenants}
    if options.json:
        print(json.dumps(state))
        return 0
    print(f"FreeRADIUS: {program or 'not installed'}")
    for row in tenants:
        silent = f", silent: {', '.join(row['silent'])}" if row["silent"] else ""
        print(
            f"{row['tenant']}: {row['online']} online, {row['routers']} routers, {row['commands_waiting']} commands wait{silent}"
        )
    return 0
