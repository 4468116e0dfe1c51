"""What each role can do, and what it must not be able to do."""

import shutil
import tempfile

import psycopg
import pytest
from psycopg import errors

from fiberledger.operate import environment, postgres, roles

TABLE = """
    create table house (id bigint generated always as identity primary key, tenant_id bigint, name text);
    alter table house enable row level security;
    alter table house force row level security;
    create policy tenant on house using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint);
    create function count_all() returns bigint language sql security definer set search_path = public, pg_temp
        as 'select count(*) from house';
    alter function count_all() owner to fl_control;
"""


@pytest.fixture(scope="module")
def connect():
    with pytest.MonkeyPatch.context() as patch:
        folder = tempfile.mkdtemp(prefix="fl-roles-", dir="/tmp")
        patch.setenv("DATA_DIR", folder)
        patch.delenv("DATABASE_URL", raising=False)
        postgres.embedded().start()
        roles.ensure()
        opened = {}

        def as_role(role):
            if role not in opened:
                opened[role] = psycopg.connect(**environment.connection(role), autocommit=True)
            return opened[role]

        as_role("fl_owner").execute(TABLE)
        as_role("fl_control").execute("insert into house (tenant_id, name) values (1, 'Bright'), (2, 'Zed')")
        yield as_role
        for connection in opened.values():
            connection.close()
        postgres.embedded().stop("immediate")
        shutil.rmtree(folder)


def test_nobody_is_superuser_and_only_control_passes_row_level_security(connect):
    rows = connect("fl_app").execute(
        "select rolname, rolsuper or rolcreaterole or rolcreatedb, rolbypassrls from pg_roles where rolname like 'fl\\_%'"
    )
    assert sorted(rows) == [
        ("fl_app", False, False),
        ("fl_control", False, True),
        ("fl_owner", False, False),
        ("fl_radius", False, False),
    ]


def test_app_and_owner_see_one_tenant_control_sees_all(connect):
    for role in ("fl_app", "fl_owner"):
        opened = connect(role)
        assert opened.execute("select count(*) from house").fetchone() == (0,)
        with opened.transaction():
            opened.execute("select set_config('app.tenant_id', '2', true)")
            assert opened.execute("select name from house").fetchall() == [("Zed",)]
    assert connect("fl_control").execute("select count(*) from house").fetchone() == (2,)


def test_app_may_call_what_reads_across_and_radius_may_not(connect):
    assert connect("fl_app").execute("select count_all()").fetchone() == (2,)
    with pytest.raises(errors.InsufficientPrivilege):
        connect("fl_radius").execute("select count_all()")


@pytest.mark.parametrize(
    "role, statement",
    [
        ("fl_app", "alter table house disable row level security"),
        ("fl_app", "drop table house"),
        ("fl_app", "truncate house"),
        ("fl_app", "create table mine (id int)"),
        ("fl_app", "set role fl_control"),
        ("fl_app", "set role fl_owner"),
        ("fl_app", "alter role fl_app bypassrls"),
        ("fl_app", "create role another"),
        ("fl_app", "copy house to program 'cat'"),
        ("fl_app", "select pg_read_file('/etc/passwd')"),
        ("fl_control", "alter table house no force row level security"),
        ("fl_control", "truncate house"),
        ("fl_radius", "select * from house"),
        ("fl_radius", "insert into house (tenant_id) values (1)"),
        ("fl_radius", "create temporary table t (id int)"),
        ("fl_radius", "set role fl_app"),
        ("fl_owner", "create role another"),
        ("fl_owner", "alter role fl_owner bypassrls"),
    ],
)
def test_what_a_role_must_not_do_is_refused(connect, role, statement):
    with pytest.raises(errors.InsufficientPrivilege):
        connect(role).execute(statement)


def test_owner_may_hand_functions_to_control_and_replace_them(connect):
    connect("fl_owner").execute(
        "create or replace function count_all() returns bigint language sql security definer "
        "set search_path = public, pg_temp as 'select count(*) from house'"
    )
    assert connect("fl_app").execute("select count_all()").fetchone() == (2,)


def test_radius_plans_as_it_should(connect):
    shown = [
        connect("fl_radius").execute(f"show {name}").fetchone()[0]
        for name in ("enable_seqscan", "jit", "synchronous_commit", "statement_timeout")
    ]
    assert shown == ["off", "off", "off", "5s"]


def test_lost_passwords_are_set_again(connect):
    (environment.data_dir() / "secrets" / "fl_radius").unlink()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**environment.connection("fl_radius"))
    roles.ensure()
    psycopg.connect(**environment.connection("fl_radius")).close()
