"""Ten thousand rows of everything for one tenant: each model's one row (see rows.py) copied in one statement a table.

The copies differ where the table says they must (keys, names, numbers) and in their dates. Half of them belong to the
same row as the first (a subscriber with five thousand invoices), the others each to one of its own.
"""

from __future__ import annotations

from typing import Any

import psycopg
from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import models

from fiberledger.access.models import LoginEntry, SessionHistory
from fiberledger.operate import environment
from fiberledger.tenancy.models import TenantModel

from .makers import KEPT_IN, TIES
from .rows import Rows, tenant_models

COUNT = 10_000
# What an exclusion that the model does not name keeps apart.
APART = {"ipam.Pool": ("vrf",), "ipam.CgnatRule": ("outside",)}
# What these hold are words of ours, which pages look up.
WORDS = {"currency", "country", "language", "kind", "event", "importer", "action", "target_type", "target_id"}


class Crowd:
    """Use it as a context: at its end all of it is gone again, since other tests look at every tenant."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.base: dict[type[models.Model], int] = {}
        # Who may pass by the triggers: the copies are not lived through, they only have to be there.
        self.database = psycopg.connect(**environment.superuser(), autocommit=True)
        self.database.execute("SET session_replication_role = replica")

    def __enter__(self) -> Crowd:
        # One crowd at a time, until its connection ends: of two, each half a table, PostgreSQL reads what it likes.
        self.database.execute("SELECT pg_advisory_lock(10000)")
        for model in (*tenant_models(), SessionHistory, LoginEntry):
            self.rows.one(model)
        for model in (*tenant_models(), SessionHistory, LoginEntry):
            self.fill(model)
        for tie in TIES:
            self.database.execute(tie, {"tenant": self.rows.isp.tenant.pk})
        self.database.execute("ANALYZE")
        return self

    def __exit__(self, *error: object) -> None:
        tenant = self.rows.isp.tenant.pk
        for model in tenant_models():
            self.database.execute(f'DELETE FROM "{model._meta.db_table}" WHERE tenant_id = %s', [tenant])
        for table in ("access_sessionhistory", "access_loginentry"):
            self.database.execute(f"DELETE FROM {table} WHERE tenant_id = %s", [tenant])
        for model, base in self.base.items():
            if not issubclass(model, TenantModel):
                ours = [base + 1, base + COUNT]
                self.database.execute(f'DELETE FROM "{model._meta.db_table}" WHERE id BETWEEN %s AND %s', ours)
        self.database.close()

    def fill(self, model: type[models.Model]) -> None:
        """COUNT rows like the one there is; row n of a model that others must be unique by is their row n's too."""
        if model in self.base:
            return
        self.base[model] = 0
        if _once_a_tenant(model):
            return
        unique = _unique_fields(model)
        for field in model._meta.concrete_fields:
            if (
                isinstance(field, models.ForeignKey)
                and (field in unique or issubclass(field.related_model, TenantModel))
                and field.name != "tenant"
            ):
                self.fill(field.related_model)
        row = self.rows.made[model] if issubclass(model, TenantModel) else self.rows.user
        table, key = KEPT_IN.get(model._meta.db_table, model._meta.db_table), model._meta.pk
        if isinstance(key, models.AutoField | models.BigAutoField | models.BigIntegerField):
            # Numbers of our own, a little way off from those that others take in this moment.
            counter = f"pg_get_serial_sequence('\"{table}\"', '{key.column}')"
            self.base[model] = self.one(f"SELECT nextval({counter})") + 1_000
            self.one(f"SELECT setval({counter}, {self.base[model] + COUNT})")
        columns, values = [], []
        for field in model._meta.concrete_fields:
            if not isinstance(field, models.GeneratedField):
                columns.append(f'"{field.column}"')
                values.append(self._value(field, unique))
        self.database.execute(
            f'INSERT INTO "{table}" ({", ".join(columns)}) OVERRIDING SYSTEM VALUE SELECT {", ".join(values)} '
            f'FROM "{table}" AS one, generate_series(1, {COUNT}) AS n WHERE one."{key.column}" = %s',
            [row.pk],
        )

    def one(self, question: str) -> Any:
        return self.database.execute(question).fetchone()[0]

    def _value(self, field: models.Field, unique: set[models.Field]) -> str:
        old = f'one."{field.column}"'
        if field.primary_key and not isinstance(field, models.ForeignKey):
            return f"{self.base[field.model]} + n" if self.base[field.model] else _another(field, old)
        if isinstance(field, models.ForeignKey):
            base = self.base.get(field.related_model)
            if not base or field.related_model is field.model:
                return old
            same = "false" if field in unique else f"n <= {COUNT // 2}"
            return f"CASE WHEN {old} IS NULL OR {same} THEN {old} ELSE {base} + n END"
        if isinstance(field, models.DateTimeField):
            return f"{old} - n * interval '1 second'"
        if isinstance(field, models.DateField):
            return f"{old} - n" if field in unique else f"{old} - n %% 300"
        is_free = isinstance(field, models.CharField | models.TextField)
        if is_free and field in unique and not issubclass(field.model, TenantModel):
            return f"'{self.rows.marker}-' || n"
        return _another(field, old) if field in unique or (is_free and field.name not in _checked(field.model)) else old


def _once_a_tenant(model: type[models.Model]) -> bool:
    """Policies and profiles: there is one. Words that a tenant chooses: one for each of ours."""
    uniques = [c.fields for c in model._meta.constraints if isinstance(c, models.UniqueConstraint) and c.fields]
    words = {"tenant", *WORDS, *(field.name for field in model._meta.concrete_fields if field.choices)}
    return any(set(fields) <= words for fields in uniques)


def _checked(model: type[models.Model]) -> set[str]:
    """Fields that may only hold certain words: those are not ours to invent."""
    checks = [c.condition for c in model._meta.constraints if isinstance(c, models.CheckConstraint)]
    return {name.split("__")[0] for check in checks for name in _named(check) if name.endswith(("__in", "__regex"))}


def _named(condition: Any) -> list[str]:
    if isinstance(condition, models.Q):
        return [name for child in condition.children for name in _named(child)]
    return [condition[0]] if isinstance(condition, tuple) else []


def _another(field: models.Field, old: str) -> str:
    if field.name in WORDS or field.choices:
        return old
    if isinstance(field, models.UUIDField):
        return f"CASE WHEN {old} IS NULL THEN NULL ELSE gen_random_uuid() END"
    if field.name == "outside":
        return f"set_masklen(set_masklen({old}::inet, 32) + 16 * n, masklen({old}))::cidr"
    if isinstance(field, models.GenericIPAddressField):
        return f"{old} + n"
    if isinstance(field, models.BinaryField):
        return f"CASE WHEN {old} IS NULL THEN NULL ELSE sha256(n::text::bytea) END"
    if isinstance(field, models.PositiveSmallIntegerField):
        return f"({old} + n) %% 4000 + 1"
    if isinstance(field, models.IntegerField):
        return f"{old} + n"
    if "phone" in field.name:
        return f"left({old}, 6) || lpad(n::text, 7, '0')"
    if isinstance(field, models.CharField | models.TextField):
        room = min(8, (field.max_length or 200) - 6)  # as long as names are
        return f"CASE WHEN {old} = '' THEN '' ELSE left({old}, {room}) || '-' || lpad(n::text, 5, '0') END"
    return old


def _unique_fields(model: type[models.Model]) -> set[models.Field]:
    fields = {field for field in model._meta.concrete_fields if field.unique}
    fields |= {model._meta.get_field(name) for name in APART.get(model._meta.label, ())}
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            names = [*constraint.fields, *(name for each in constraint.expressions for name in _mentioned(each))]
            fields |= {model._meta.get_field(name) for name in names}
        elif isinstance(constraint, ExclusionConstraint):
            fields |= {
                model._meta.get_field(expression)
                for expression, _operator in constraint.expressions
                if isinstance(expression, str)
            }
    return fields


def _mentioned(expression: Any) -> list[str]:
    if isinstance(expression, models.F):
        return [expression.name]
    return [name for part in expression.get_source_expressions() for name in _mentioned(part)]
