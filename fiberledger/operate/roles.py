"""The database and its four roles, made with one privileged connection that nothing else ever uses.

fl_owner owns the tables and migrates; fl_app serves requests and jobs under row-level security; fl_control (BYPASSRLS)
serves the control plane; fl_radius may only execute what a migration grants it. Running this twice changes nothing;
running it against roles with lost passwords sets new ones.
"""

import fcntl
from contextlib import contextmanager

import psycopg
from psycopg import sql

from fiberledger.operate.environment import KEYS, ROLES, Trouble, connection, make_data_dir, secret, superuser

OLDEST_SERVER = 180000
LOCK = 0x46696272  # "Fibr": two installers on one server take turns


@contextmanager
def one_at_a_time(what):
    with open(make_data_dir() / "run" / f"{what}.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure():
    for name in (*KEYS, *ROLES):
        secret(name)
    with one_at_a_time("roles"):
        if not _all_roles_can_enter():
            create_everything()


def _all_roles_can_enter():
    """The usual start: nothing to create, and DATABASE_URL's privileged user is not needed any more."""
    try:
        for role in ROLES:
            with psycopg.connect(**connection(role), connect_timeout=5) as opened:
                marked = opened.execute("select obj_description(to_regnamespace('public'), 'pg_namespace')").fetchone()
        return marked == (MARK,)
    except psycopg.OperationalError:
        return False


def note_on_database() -> str | None:
    with psycopg.connect(**connection("fl_owner")) as opened:
        found = opened.execute(
            "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()"
        ).fetchone()
    return found[0] if found else None


def set_note_on_database(text: str) -> None:
    with psycopg.connect(**connection("fl_owner")) as opened:
        name = sql.Identifier(opened.info.dbname)
        opened.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(text)))


def create_everything():
    name = superuser()["dbname"]
    try:
        with connect("postgres") as server:
            if server.info.server_version < OLDEST_SERVER:
                raise Trouble(
                    f"PostgreSQL 18 is needed; the server has version {server.info.parameter_status('server_version')}"
                )
            server.execute("select pg_advisory_lock(%s)", [LOCK])
            for role, may in (("fl_owner", ""), ("fl_app", ""), ("fl_radius", ""), ("fl_control", "BYPASSRLS")):
                _make_role(server, role, may)
            _run(server, AFTER_ROLES)
            if not server.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                _run(server, CREATE_DATABASE, database=name)
            _run(server, FOR_DATABASE, database=name)
            with connect(name) as inside:
                _run(inside, INSIDE_DATABASE)
    except psycopg.OperationalError as error:
        raise Trouble(f"PostgreSQL does not let us in: {_first_line(error)}") from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise Trouble(
            f"{superuser()['user']} may not prepare the database ({_first_line(error)}): "
            "DATABASE_URL must name a superuser, or a role with CREATEROLE, CREATEDB and BYPASSRLS"
        ) from None


def connect(dbname):
    """The privileged connection, to any database."""
    return psycopg.connect(**{**superuser(), "dbname": dbname}, connect_timeout=10, autocommit=True)


def _make_role(server, role, may):
    there = server.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone()
    encrypted = server.pgconn.encrypt_password(secret(role).encode(), role.encode(), b"scram-sha-256").decode()
    server.execute(
        sql.SQL("{} ROLE {} LOGIN NOCREATEDB NOCREATEROLE INHERIT {} PASSWORD {}").format(
            sql.SQL("ALTER" if there else "CREATE"), sql.Identifier(role), sql.SQL(may), sql.Literal(encrypted)
        )
    )
    server.execute(
        sql.SQL("GRANT {} TO {} WITH INHERIT TRUE, SET TRUE").format(
            sql.Identifier(role), sql.Identifier(superuser()["user"])
        )
    ) if role == "fl_owner" else None


def _run(opened, statements, **names):
    filled = {key: sql.Identifier(value) for key, value in names.items()}
    for statement in statements:
        opened.execute(sql.SQL(statement).format(**filled))


def _first_line(error):
    return " ".join(str(error).split("\n", 1)[0].split())


# fl_owner may hand a SECURITY DEFINER function to fl_control, and replace it later; membership never brings BYPASSRLS along.
AFTER_ROLES = [
    "GRANT fl_control TO fl_owner WITH INHERIT TRUE, SET TRUE",
    "ALTER ROLE fl_radius SET enable_seqscan = off",
    "ALTER ROLE fl_radius SET jit = off",
    # A packet that must not be lost asks for the disk itself (see radius_acct).
    "ALTER ROLE fl_radius SET synchronous_commit = off",
    "ALTER ROLE fl_radius SET statement_timeout = '5s'",
    "ALTER ROLE fl_radius SET search_path = public, pg_temp",
]
CREATE_DATABASE = [
    "CREATE DATABASE {database} OWNER fl_owner TEMPLATE template0 ENCODING 'UTF8' "
    "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C.UTF-8'"
]
FOR_DATABASE = [
    "ALTER DATABASE {database} OWNER TO fl_owner",
    "ALTER DATABASE {database} SET timezone = 'UTC'",
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
    "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO fl_app, fl_control",
    "GRANT CONNECT ON DATABASE {database} TO fl_radius",
]
MARK = "FiberLedger roles 1"  # raise the number when INSIDE_DATABASE changes: installations then run it again
INSIDE_DATABASE = [
    "ALTER SCHEMA public OWNER TO fl_owner",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO fl_app, fl_radius",
    "GRANT USAGE, CREATE ON SCHEMA public TO fl_control",  # CREATE: else no function can be handed to it
    "ALTER DEFAULT PRIVILEGES FOR ROLE fl_owner IN SCHEMA public "
    "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO fl_app, fl_control",
    "ALTER DEFAULT PRIVILEGES FOR ROLE fl_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO fl_app, fl_control",
    "ALTER DEFAULT PRIVILEGES FOR ROLE fl_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    "ALTER DEFAULT PRIVILEGES FOR ROLE fl_owner IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO fl_app, fl_control",
    f"COMMENT ON SCHEMA public IS '{MARK}'",
]
