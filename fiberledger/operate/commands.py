"""Running the program and caring for its database."""

import argparse
import json
import os
import sys
from pathlib import Path

from fiberledger.operate import Trouble, environment


def add_commands(subparsers) -> None:
    cores = os.cpu_count() or 1
    run = subparsers.add_parser(
        "run",
        help="start everything: database, web, workers",
        description="Starts the embedded PostgreSQL (or uses DATABASE_URL), migrates, and runs web and workers until "
        "Ctrl-C. The first start of an empty installation loads the demo.",
    )
    run.add_argument(
        "--host", default=os.environ.get("HOST", "127.0.0.1"), help="listen here (HOST; default %(default)s)"
    )
    run.add_argument("--port", type=int, help="listen on this port (PORT; default 8000)")
    run.add_argument(
        "--web", type=int, default=max(1, min(4, cores)), metavar="N", help="web processes (default %(default)s)"
    )
    run.add_argument("--workers", type=int, default=2, metavar="N", help="job workers (default %(default)s)")
    run.add_argument("--radius", action="store_true", help="run FreeRADIUS as well")
    run.add_argument("--no-demo", action="store_true", help="leave an empty installation empty")
    run.add_argument("--follow", action="store_true", help="stop when the program that started this one ends")
    run.add_argument("--dev", action="store_true", help="read code and assets again when they change")
    run.set_defaults(run=_run, needs="nothing")

    web = subparsers.add_parser("web", help="only the web server")
    web.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
    web.add_argument("--port", type=int)
    web.add_argument("--workers", type=int, default=max(1, min(4, cores)), metavar="N")
    web.add_argument("--threads", type=int, default=4, metavar="N", help="requests one process serves at once")
    web.add_argument("--dev", action="store_true", help="one process that reads changed code again")
    web.set_defaults(run=_web, needs="nothing")

    setup = subparsers.add_parser(
        "setup",
        help="prepare database, roles and tables, start nothing",
        description="Creates secrets, the database and its roles, and the tables. Safe to run again.",
    )
    setup.set_defaults(run=_setup, needs="nothing")

    migrate = subparsers.add_parser("migrate", help="bring the tables up to this version")
    migrate.add_argument(
        "--check", action="store_true", help="change nothing; exit code 1 when something is to be done"
    )
    migrate.set_defaults(run=_migrate, needs="nothing")

    status = subparsers.add_parser("status", help="what runs, where, and how much waits")
    status.add_argument("--json", action="store_true")
    status.set_defaults(run=_status, needs="nothing")

    database = subparsers.add_parser("db", help="the database itself").add_subparsers(dest="verb", required=True)
    shell = database.add_parser("shell", help="psql as one of our roles")
    shell.add_argument("--role", choices=["app", "control", "owner", "radius", "superuser"], default="app")
    shell.add_argument("--tenant", metavar="SLUG", help="see this tenant's rows (role app sees none otherwise)")
    shell.add_argument("psql", nargs=argparse.REMAINDER, help="arguments for psql, after --")
    shell.set_defaults(run=_shell)
    start = database.add_parser("start", help="start the embedded server and leave it running")
    start.set_defaults(run=_start_database, needs="nothing")
    stop = database.add_parser("stop", help="stop the embedded server")
    stop.set_defaults(run=_stop_database, needs="nothing")

    backup = subparsers.add_parser(
        "backup",
        help="write everything to one file",
        description="Writes database, documents and secrets to one archive, while everything runs. Keep it safe: "
        "it holds the keys too.",
    )
    backup.add_argument("file", nargs="?", type=Path, help="default fiberledger-DATE.tar in the current folder")
    backup.set_defaults(run=_backup)
    restore = subparsers.add_parser(
        "restore",
        help="bring a backup back",
        description="Brings back what `fiberledger backup` wrote: into an empty installation, or over the present one "
        "with --replace. Stop `fiberledger run` first.",
    )
    restore.add_argument("file", type=Path)
    restore.add_argument("--replace", action="store_true", help="destroy what is here now")
    restore.set_defaults(run=_restore, needs="nothing")


def _run(options) -> int:
    from fiberledger.operate import supervisor

    if options.follow:
        supervisor.follow_parent()
    return supervisor.run(
        host=options.host,
        port=options.port or environment.port(),
        web_workers=options.web,
        workers=options.workers,
        demo=not options.no_demo,
        radius=options.radius,
        dev=options.dev,
    )


def _web(options) -> int:
    port = options.port or environment.port()
    if options.dev:
        import django
        from django.core.management import call_command

        django.setup()
        call_command("runserver", f"{options.host}:{port}", "--nostatic", skip_checks=True)
        return 0
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    Granian(
        "fiberledger.wsgi:application",
        address=options.host,
        port=port,
        interface=Interfaces.WSGI,
        workers=options.workers,
        blocking_threads=options.threads,
        blocking_threads_idle_timeout=600,
        backpressure=options.threads * 8,
        websockets=False,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=5,
    ).serve()
    return 0


def _setup(options) -> None:
    from fiberledger import operate

    operate.ensure_database(stop_after=True)
    where = environment.connection("fl_app")
    print(f"ready: database {where['dbname']} on {where['host']}, data in {environment.data_dir()}")


def _migrate(options) -> int:
    import django

    from fiberledger import operate

    operate.ensure_database(migrate=False, stop_after=True)
    django.setup()
    if options.check:
        state = operate.tables_are()
        print(f"tables are {state}")
        return int(state != "current")
    operate.run_migrations()
    return 0


def _status(options) -> int:
    import psycopg

    from fiberledger.operate import postgres, supervisor

    running = supervisor.status()
    facts = {
        "running": bool(running),
        "url": running and running["url"],
        "pid": running and running["pid"],
        "data_dir": str(environment.data_dir()),
        "database": "external" if environment.database_url() else "embedded",
        "database_up": False,
    }
    if not environment.database_url() and not (environment.data_dir() / "postgres").exists():
        facts["database"] = "not created yet"
    else:
        if not environment.database_url():
            facts["database_pid"] = postgres.Cluster(environment.data_dir()).pid()
        try:
            with psycopg.connect(**environment.connection("fl_control"), connect_timeout=5) as opened:
                facts |= {"database_up": True, **_read_facts(opened)}
        except psycopg.Error as error:
            facts["fault"] = str(error).split("\n", 1)[0]
    if options.json:
        print(json.dumps(facts))
    else:
        for name, value in facts.items():
            print(f"{name.replace('_', ' '):<16} {'-' if value is None else value}")
    return 0 if facts["database_up"] else 1


def _read_facts(opened):
    facts = {"server_version": opened.info.parameter_status("server_version")}
    facts["database_mb"] = opened.execute("select pg_database_size(current_database()) >> 20").fetchone()[0]
    if opened.execute("select to_regclass('tenancy_tenant')").fetchone()[0]:
        facts["tenants"] = opened.execute("select count(*) from tenancy_tenant").fetchone()[0]
    if opened.execute("select to_regclass('procrastinate_jobs')").fetchone()[0]:
        waiting, failed = opened.execute(
            "select count(*) filter (where status = 'todo'), count(*) filter (where status = 'failed') from procrastinate_jobs"
        ).fetchone()
        facts |= {"jobs_waiting": waiting, "jobs_failed": failed}
    return facts


def _shell(options) -> None:
    from fiberledger.operate import postgres

    where = environment.superuser() if options.role == "superuser" else environment.connection(f"fl_{options.role}")
    os.environ.update(environment.as_libpq(where))
    if options.tenant:
        os.environ["PGOPTIONS"] = f"-c app.tenant_id={_tenant_id(options.tenant)}"
    arguments = options.psql[1:] if options.psql[:1] == ["--"] else options.psql
    sys.stdout.flush()
    if environment.database_url():
        os.execv(postgres.tool("psql"), ["psql", *arguments])
    # The embedded server must outlive exec's loss of our exit handler: run psql as a child.
    import signal
    import subprocess

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise SystemExit(subprocess.call([postgres.tool("psql"), *arguments]))


def _tenant_id(slug):
    import psycopg

    with psycopg.connect(**environment.connection("fl_control")) as opened:
        found = opened.execute("select id from tenancy_tenant where slug = %s", [slug]).fetchone()
    if not found:
        raise Trouble(f"there is no tenant {slug!r}")
    return found[0]


def _start_database(options) -> None:
    from fiberledger import operate

    if environment.database_url():
        raise Trouble("DATABASE_URL is set: that server is not ours to start")
    operate.ensure_database(migrate=False)
    print(f"running; socket in {environment.socket_dir()}")


def _stop_database(options) -> None:
    from fiberledger.operate import postgres, supervisor

    if environment.database_url():
        raise Trouble("DATABASE_URL is set: that server is not ours to stop")
    if supervisor.status():
        raise Trouble("`fiberledger run` is using it; stop that first")
    postgres.embedded().stop()


def _backup(options) -> None:
    from fiberledger.operate import archive

    print(archive.backup(options.file))


def _restore(options) -> None:
    from fiberledger.operate import archive

    archive.restore(options.file, replace=options.replace)
