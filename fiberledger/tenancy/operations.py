"""Migration operations that make PostgreSQL the guard: rows of one tenant only, and rows that never change."""

from __future__ import annotations

from typing import Any

from django.db.migrations.operations.base import Operation

TENANT_IN_SCOPE = "nullif(current_setting('app.tenant_id', true), '')::bigint"


def _run(schema_editor: Any, sql: str) -> None:
    schema_editor.execute(sql, params=None)  # as it stands: a % in it is no placeholder


class _ModelsOperation(Operation):
    reduces_to_sql = True
    reversible = True

    def __init__(self, *model_names: str) -> None:
        self.model_names = model_names

    def deconstruct(self):
        return self.__class__.__name__, list(self.model_names), {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_backwards(self, app_label, schema_editor, from_state, to_state) -> None:
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state) -> None:
        for name in self.model_names:
            self.guard(schema_editor, to_state.apps.get_model(app_label, name))

    def guard(self, schema_editor: Any, model: Any) -> None:
        raise NotImplementedError

    def describe(self) -> str:
        return f"{self.__class__.__name__} {', '.join(self.model_names)}"


class IsolateByTenant(_ModelsOperation):
    """Row-level security, forced, and each key to a tenant's row checked together with the tenant.

    PostgreSQL checks foreign keys without row-level security, so a plain one happily points at another tenant's
    row: the key is on (tenant_id, x_id). Applied again after a key was added, it adds only what is missing.
    """

    def guard(self, schema_editor: Any, model: Any) -> None:
        table = model._meta.db_table
        _run(schema_editor, f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        _run(schema_editor, f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
        _run(schema_editor, f'DROP POLICY IF EXISTS isolate_by_tenant ON "{table}"')
        _run(
            schema_editor,
            f'CREATE POLICY isolate_by_tenant ON "{table}" '
            f"USING (tenant_id = {TENANT_IN_SCOPE}) WITH CHECK (tenant_id = {TENANT_IN_SCOPE})",
        )
        for field in model._meta.local_fields:
            target = field.remote_field.model if field.remote_field else None
            if target is None or isinstance(target, str) or field.name == "tenant":
                continue
            if any(f.name == "tenant" for f in target._meta.local_fields):
                self._key_with_tenant(schema_editor, table, field.column, target._meta.db_table)

    @staticmethod
    def _key_with_tenant(schema_editor: Any, table: str, column: str, target: str) -> None:
        unique, key = f"{target}_of_tenant"[:63], f"{table}_{column}_of_tenant"[:63]
        _run(
            schema_editor,
            f"""DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = '{unique}') THEN
              ALTER TABLE "{target}" ADD CONSTRAINT "{unique}" UNIQUE (tenant_id, id);
            END IF;
            IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = '{key}') THEN
              ALTER TABLE "{table}" ADD CONSTRAINT "{key}"
                FOREIGN KEY (tenant_id, "{column}") REFERENCES "{target}" (tenant_id, id) NOT VALID;
              ALTER TABLE "{table}" VALIDATE CONSTRAINT "{key}";
            END IF; END $$""",
        )


class AppendOnly(_ModelsOperation):
    """UPDATE, DELETE and TRUNCATE are refused, to everybody: a mistake is corrected by a further row."""

    def guard(self, schema_editor: Any, model: Any) -> None:
        table = model._meta.db_table
        _run(
            schema_editor,
            """CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
            END $$""",
        )
        _run(schema_editor, f'DROP TRIGGER IF EXISTS append_only ON "{table}"')
        _run(
            schema_editor,
            f'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON "{table}" '
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        )
        _run(schema_editor, f'DROP TRIGGER IF EXISTS never_emptied ON "{table}"')
        _run(
            schema_editor,
            f'CREATE TRIGGER never_emptied BEFORE TRUNCATE ON "{table}" '
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        )
        _run(
            schema_editor,
            f'REVOKE UPDATE, DELETE, TRUNCATE ON "{table}" FROM fl_app, fl_control',
        )
