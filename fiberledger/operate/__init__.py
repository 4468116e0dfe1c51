"""What the program needs from the machine: a data folder, secrets, PostgreSQL, its roles, and running processes.

    operate.environment   data_dir(), secret(name), databases(): safe to call from settings, starts nothing
    operate.postgres      Cluster(folder).start() / .stop(): PostgreSQL 18 from the wheel, unix socket only
    operate.roles         the database and the four roles, created again and again without harm
    operate.ensure_database()   all of it: start, roles, migrate as owner; a program calls it before django.setup()
    operate.supervisor    web, workers and whatever else as one foreground process

Trouble is any fault of the machine, said in one line that a person can act on; the console exits with 3.
"""

from fiberledger.operate.environment import Trouble, data_dir, databases, secret

__all__ = ["Trouble", "data_dir", "databases", "ensure_database", "secret"]


def ensure_database(*, migrate=True):
    """Bring the database up to where the code expects it. Idempotent; several starters may call it at once."""
    from fiberledger.operate import environment, postgres, roles

    if not environment.database_url():
        postgres.embedded().start()
    roles.ensure()
    if migrate:
        run_migrations()


def run_migrations():
    import os

    import django
    from django.core.management import call_command

    from fiberledger.operate import roles

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fiberledger.settings")
    django.setup()
    with roles.one_at_a_time("migrate"):
        call_command("migrate", database="owner", interactive=False, verbosity=0)
