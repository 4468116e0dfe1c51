"""What the program needs from the machine: a data folder, secrets, PostgreSQL, its roles, and running processes.

    operate.environment   data_dir(), secret(name), databases(): safe to call from settings, starts nothing
    operate.postgres      Cluster(folder).start() / .stop(): PostgreSQL 18 from the wheel, unix socket only
    operate.roles         the database and the four roles, created again and again without harm
    operate.ensure_database()   all of it: start, roles, migrate as owner; a program calls it before django.setup()
    operate.supervisor    web, workers and whatever else as one foreground process

Trouble is any fault of the machine, said in one line that a person can act on; the console exits with 3.
"""

import atexit
import fcntl
import hashlib
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fiberledger.operate.environment import Trouble, data_dir, databases, secret

__all__ = ["Trouble", "data_dir", "databases", "ensure_database", "run_migrations", "secret", "tables_are"]

_in_use: Any = None  # an open file: while any process holds its shared lock, nobody else stops the embedded server


def ensure_database(*, migrate: bool = True, stop_after: bool = False) -> None:
    """Bring the database up to where the code expects it. Idempotent; several starters may call it at once.

    With `stop_after`, a server that this call had to start is stopped when the process ends and nobody else uses it.
    """
    from fiberledger.operate import environment, postgres, roles

    if not environment.database_url():
        _say_in_use()
        cluster = postgres.embedded()
        if cluster.start() and stop_after:
            atexit.register(_stop_if_last, cluster)
    roles.ensure()
    if migrate and roles.note_on_database() != migrations_fingerprint():
        run_migrations()


def run_migrations() -> None:
    import django
    from django.core.management import call_command

    from fiberledger.operate import roles

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fiberledger.settings")
    django.setup()
    with roles.one_at_a_time("migrate"):
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        roles.set_note_on_database(migrations_fingerprint())


def migrations_fingerprint() -> str:
    """Stands for every migration there is. The database keeps the one it has, so a usual start need not load Django."""
    total = hashlib.sha256()
    for package in ("django", "procrastinate"):
        total.update(f"{package} {version(package)}\n".encode())
    for path in sorted(Path(__file__).parent.parent.glob("*/migrations/*.py")):
        total.update(f"{path.parent.parent.name}/{path.name}\n".encode() + path.read_bytes())
    return f"migrated {total.hexdigest()}"


def tables_are() -> str:
    """ "missing", "behind" or "current". Django must be set up."""
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connections["owner"])
    if not executor.loader.applied_migrations:
        return "missing"
    return "behind" if executor.migration_plan(executor.loader.graph.leaf_nodes()) else "current"


def _say_in_use() -> None:
    global _in_use
    from fiberledger.operate import environment

    if _in_use is None:
        _in_use = open(environment.make_data_dir() / "run" / "database.users", "a")
        fcntl.flock(_in_use, fcntl.LOCK_SH)


def _stop_if_last(cluster) -> None:
    try:
        fcntl.flock(_in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    cluster.stop()
