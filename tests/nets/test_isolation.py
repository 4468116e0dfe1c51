"""No tenant reads, counts, changes, removes, refers to or adds to another's rows: whatever table, in raw SQL.

Everything runs as the role that serves requests. The tables are found in the apps and in PostgreSQL's catalogue, so
a table that lands tomorrow is in the net already.
"""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, connections, transaction
from django.db.models import ForeignKey

from fiberledger.tenancy import NoTenantInScope
from fiberledger.tenancy.models import Tenant, TenantModel

from .rows import tenant_models

MODELS = [pytest.param(model, id=model._meta.label) for model in tenant_models()]

NO_PRIVILEGE, NO_PARENT = "42501", "23503"


def sql(statement, params=(), alias="default"):
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else cursor.rowcount


def refused(statement, params=()):
    """The SQLSTATE it was refused with; None where it went through (and is undone)."""
    try:
        with transaction.atomic():
            sql(statement, params)
            transaction.set_rollback(True)
    except DatabaseError as error:
        return error.__cause__.sqlstate
    return None


def touched(statement, params=()):
    """How many rows a change would touch; one that is refused touches none."""
    with transaction.atomic():
        try:
            with transaction.atomic():
                return sql(statement, params)
        except DatabaseError:
            return 0
        finally:
            transaction.set_rollback(True)


def test_the_role_that_serves_is_an_ordinary_one():
    (row,) = sql("SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
    assert row == ("fl_app", False, False)
    owned = sql(  # temporary tables of runs going on beside us are nobody's lock
        "SELECT count(*) FROM pg_class WHERE relpersistence <> 't' AND relowner = (SELECT oid FROM pg_roles WHERE rolname = 'fl_app')"
    )
    assert owned == [(0,)], "whoever owns a table can take its locks off"
    assert sql(
        "SELECT pg_has_role('fl_app', 'fl_owner', 'MEMBER') OR pg_has_role('fl_app', 'fl_control', 'MEMBER')"
    ) == [(False,)]


def test_every_table_with_a_tenant_is_locked():
    """Also those without a model, and each partition by itself: it can be asked past its parent."""
    tables = sql(
        """SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
                  EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*'
                             AND pg_get_expr(p.polqual, c.oid) LIKE '%%tenant_id = %%app.tenant_id%%'
                             AND pg_get_expr(p.polwithcheck, c.oid) LIKE '%%tenant_id = %%app.tenant_id%%')
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
              AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
              AND has_table_privilege('fl_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE')"""
    )
    open_ones = [name for name, enabled, forced, policy in tables if not (enabled and forced and policy)]
    assert open_ones == []
    assert len(tables) >= len(MODELS) - 5  # the net did catch something


def test_views_ask_with_their_readers_rights():
    open_ones = sql(
        """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'public' AND c.relkind IN ('v', 'm') AND has_table_privilege('fl_app', c.oid, 'SELECT')
              AND NOT coalesce(c.reloptions::text[] @> ARRAY['security_invoker=true'], false)"""
    )
    assert open_ones == []


def test_functions_that_see_across_tenants_pin_their_search_path():
    loose = sql(
        """SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname = 'public' AND p.prosecdef
              AND NOT coalesce(p.proconfig::text LIKE '%%search_path=%%pg_temp%%', false)"""
    )
    assert loose == []


def test_a_row_with_a_tenant_is_a_tenant_model():
    strays = [
        model._meta.label
        for model in apps.get_models(include_auto_created=True)
        if not issubclass(model, TenantModel)
        and any(
            isinstance(f, ForeignKey) and f.name == "tenant" and f.related_model is Tenant for f in model._meta.fields
        )
    ]
    assert strays == []


def test_tables_between_two_tenants_tables_have_a_tenant_themselves():
    strays = [
        f"{model._meta.label}.{field.name}"
        for model in tenant_models()
        for field in model._meta.local_many_to_many
        if not issubclass(field.remote_field.through, TenantModel)
    ]
    assert strays == [], "give them through=a TenantModel with TenantForeignKeys"


@pytest.mark.parametrize("model", MODELS)
def test_every_key_to_a_tenants_row_is_held_together_with_the_tenant(model):
    for field in model._meta.local_fields:
        if not isinstance(field, ForeignKey) or not issubclass(field.related_model, TenantModel):
            continue
        if sql("SELECT has_column_privilege(%s, %s, 'INSERT, UPDATE')", [model._meta.db_table, field.column]) == [
            (False,)
        ]:
            continue  # the app cannot write it: it cannot point it anywhere
        found = sql(
            """SELECT 1 FROM pg_constraint k
                WHERE k.contype = 'f' AND k.convalidated AND k.conrelid = %s::regclass AND k.confrelid = %s::regclass
                  AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text) FROM pg_attribute a
                        WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) = %s
                  AND EXISTS (SELECT 1 FROM pg_attribute a
                               WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey) AND a.attname = 'tenant_id')""",
            [model._meta.db_table, field.related_model._meta.db_table, sorted(["tenant_id", field.column])],
        )
        assert found, f"{model._meta.label}.{field.name}: use TenantForeignKey, and name the model in IsolateByTenant"


@pytest.mark.parametrize("model", MODELS)
def test_outside_of_a_scope_there_is_nothing(model, bright_rows):
    bright_rows.one(model)
    assert sql(f'SELECT count(*) FROM "{model._meta.db_table}"') == [(0,)]
    with pytest.raises(NoTenantInScope):
        model._default_manager.count()


@pytest.mark.parametrize("model", MODELS)
def test_another_tenants_rows_are_out_of_reach(model, bright_rows, zed_rows):
    theirs, table, key = bright_rows.one(model), model._meta.db_table, model._meta.pk.column
    bright, pk = bright_rows.isp.tenant.pk, theirs.pk
    with bright_rows.isp.scope():
        assert sql(f'SELECT count(*) FROM "{table}" WHERE "{key}" = %s', [pk]) == [(1,)], "the net needs a fish"
    with zed_rows.isp.scope():
        assert sql(f'SELECT count(*) FROM "{table}" WHERE "{key}" = %s OR tenant_id = %s', [pk, bright]) == [(0,)]
        assert sql(f'SELECT count(*) FROM "{table}" WHERE tenant_id <> %s', [zed_rows.isp.tenant.pk]) == [(0,)]
        assert touched(f'UPDATE "{table}" SET tenant_id = tenant_id WHERE "{key}" = %s', [pk]) == 0
        assert touched(f'DELETE FROM "{table}" WHERE "{key}" = %s', [pk]) == 0
        assert not model._default_manager.filter(pk=pk).exists()
    with bright_rows.isp.scope():
        assert sql(f'SELECT count(*) FROM "{table}" WHERE "{key}" = %s', [pk]) == [(1,)]


@pytest.mark.parametrize("model", MODELS)
def test_no_row_is_added_or_moved_to_another_tenant(model, bright_rows, zed_rows):
    table, key, bright = model._meta.db_table, model._meta.pk.column, bright_rows.isp.tenant.pk
    ours = zed_rows.one(model)
    with zed_rows.isp.scope():
        (kept,) = sql(f'SELECT to_jsonb(t) FROM "{table}" t WHERE "{key}" = %s', [ours.pk])
        copy = kept[0] if isinstance(kept[0], dict) else json.loads(kept[0])
        another = str(uuid4()) if isinstance(ours.pk, UUID) else -1 - ours.pk
        copy |= {"tenant_id": bright, key: another}
        columns = ", ".join(f'"{f.column}"' for f in model._meta.local_concrete_fields if not f.generated)
        insert = f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::"{table}", %s)'
        assert refused(insert, [json.dumps(copy)]) is not None
        assert refused(f'UPDATE "{table}" SET tenant_id = %s WHERE "{key}" = %s', [bright, ours.pk]) is not None
    with bright_rows.isp.scope():
        assert sql(f'SELECT count(*) FROM "{table}" WHERE "{key}" = %s', [another]) == [(0,)]


@pytest.mark.parametrize("model", MODELS)
def test_no_row_refers_to_another_tenants(model, bright_rows, zed_rows):
    ours, table, key = zed_rows.one(model), model._meta.db_table, model._meta.pk.column
    with zed_rows.isp.scope():
        (may_update,) = sql("SELECT has_table_privilege(%s, 'UPDATE')", [table])
    for field in model._meta.local_fields:
        if not isinstance(field, ForeignKey) or not issubclass(field.related_model, TenantModel):
            continue
        theirs = bright_rows.one(field.related_model)
        with zed_rows.isp.scope():
            why = refused(f'UPDATE "{table}" SET "{field.column}" = %s WHERE "{key}" = %s', [theirs.pk, ours.pk])
        assert why is not None, f"{field} points at another tenant's row"
        if may_update[0] and not _has_own_refusal(table):
            assert why == NO_PARENT, f"{field}: refused by {why}"


def _has_own_refusal(table):
    """A table whose own triggers or checks look at updates may say no before its keys do."""
    return bool(
        sql(
            """SELECT 1 FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgtype & 16 > 0
               UNION ALL SELECT 1 FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'""",
            [table, table],
        )
    )


APPEND_ONLY = "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'"


@pytest.mark.parametrize("model", MODELS)
def test_what_is_append_only_is_neither_changed_nor_removed_by_anybody(model, bright_rows):
    table = model._meta.db_table
    if (table,) not in sql(APPEND_ONLY):
        return
    row, key = bright_rows.one(model), model._meta.pk.column
    for alias in ("default", "control", "owner"):
        for statement in (
            f'UPDATE "{table}" SET tenant_id = tenant_id WHERE "{key}" = %s',
            f'DELETE FROM "{table}" WHERE "{key}" = %s',
            f'TRUNCATE "{table}" CASCADE',
        ):
            with pytest.raises(DatabaseError), transaction.atomic(using=alias), connections[alias].cursor() as cursor:
                cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [str(bright_rows.isp.tenant.pk)])
                cursor.execute(statement, [row.pk] if "%s" in statement else None)


def test_the_books_and_the_audit_log_are_append_only():
    tables = {name for (name,) in sql(APPEND_ONLY)}
    assert {"ledger_journalentry", "ledger_posting", "audit_entry", "audit_seal"} <= tables


def test_a_forgotten_scope_in_raw_sql_is_not_the_last_ones():
    """After a scope the setting is empty, not the tenant's."""
    assert sql("SELECT coalesce(current_setting('app.tenant_id', true), '')") == [("",)]
    assert connection.in_atomic_block is False
