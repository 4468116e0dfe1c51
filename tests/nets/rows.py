"""A row of any model, made up from what the model says of its fields.

Where a model cannot be made up (its rows are written by a verb, or a constraint wants more than the fields say), the
room that owns it says how in MAKERS; that is a way to have a row, not a way round the nets.
"""

from __future__ import annotations

import datetime
import decimal
import itertools
import uuid
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import DatabaseError, connection, connections, models, transaction

from fiberledger import calendar
from fiberledger.tenancy import Refusal, current_tenant
from fiberledger.tenancy.models import Tenant, TenantModel

from .makers import MAKERS

_count = itertools.count(1)


def tenant_models() -> list[type[models.Model]]:
    """Every table whose rows belong to a tenant, tomorrow's too."""
    return sorted(
        (m for m in apps.get_models(include_auto_created=True) if issubclass(m, TenantModel) and m._meta.managed),
        key=lambda m: m._meta.label,
    )


class Rows:
    """One row of each model in one tenant, made when first asked for. Every text in them carries the marker."""

    def __init__(self, isp: Any) -> None:
        self.isp = isp
        self.marker = f"zq{uuid.uuid4().hex[:8]}"
        self.made: dict[type[models.Model], models.Model] = {}

    def one(self, model: type[models.Model]) -> models.Model:
        if model not in self.made:
            for field in self._needed_keys(model):
                self.one(field.related_model)  # before any transaction of ours is open: it must be there for others
            self.made[model] = self._made_by_its_room(model) or self._made_up(model)
        return self.made[model]

    def _made_by_its_room(self, model: type[models.Model]) -> models.Model | None:
        maker = MAKERS.get(model._meta.label)
        if maker is None:
            return None
        with self.isp.scope():
            return maker(self) or model._default_manager.order_by("-pk")[0]

    def _made_up(self, model: type[models.Model]) -> models.Model:
        try:
            return self.another(model)
        except Exception as error:
            with self.isp.scope():
                found = model._default_manager.order_by("pk").first()  # what provision() gave every tenant will do
            if found is not None:
                return found
            raise AssertionError(
                f"{model._meta.label} cannot be made up ({error}); say in tests/nets/makers.py how a row comes to be"
            ) from error

    def another(self, model: type[models.Model]) -> models.Model:
        """One more, beside the first. Where the app may not write (accounting does), the tables' owner does it."""
        with self.isp.scope():
            row = self._new(model)
            with connection.cursor() as cursor:
                cursor.execute("SELECT has_table_privilege(%s, 'INSERT')", [model._meta.db_table])
                if cursor.fetchone()[0]:
                    row.save(force_insert=True)
                    return row
            with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
                cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [str(self.isp.tenant.pk)])
                row.save(force_insert=True, using="owner")
            row._state.db = "default"
            return row

    def more(self, model: type[models.Model], count: int) -> int:
        """So many further rows; fewer where the model admits only one, and says how many there are now."""
        made = 0
        for _ in range(count):
            try:
                if model._meta.label in MAKERS:
                    with self.isp.scope():
                        MAKERS[model._meta.label](self)
                else:
                    self.another(model)
            except (DatabaseError, Refusal):
                break
            made += 1
        return made

    @staticmethod
    def _needed_keys(model: type[models.Model]) -> list[models.ForeignKey]:
        return [
            field
            for field in model._meta.concrete_fields
            if isinstance(field, models.ForeignKey)
            and not field.null
            and field.related_model is not model
            and issubclass(field.related_model, TenantModel)
        ]

    def _new(self, model: type[models.Model]) -> models.Model:
        row = model()
        for field in model._meta.concrete_fields:
            if field.name == "tenant":
                continue
            if isinstance(field, models.ForeignKey):
                if field in self._needed_keys(model):
                    setattr(row, field.name, self.one(field.related_model))
                elif not field.null and not field.has_default() and field.related_model is not Tenant:
                    setattr(row, field.name, self.user)
            elif not (
                isinstance(field, models.AutoField)
                or field.has_default()
                or field.null
                or isinstance(field, models.GeneratedField)
            ):
                setattr(row, field.attname, self._value(field))
        return row

    @property
    def user(self) -> Any:
        if not hasattr(self, "_user"):
            self._user = self.isp.member("owner").user
        return self._user

    def text(self, length: int | None = None) -> str:
        return f"{self.marker}{next(_count)}"[: length or 40]

    def _value(self, field: models.Field) -> Any:
        if field.choices:
            return next(code for code, _label in field.flatchoices if code != "")
        number = next(_count)
        makers: tuple[tuple[type, Callable[[], Any]], ...] = (
            (models.EmailField, lambda: f"{self.text()}@example.org"),
            (models.URLField, lambda: f"https://example.org/{self.text()}"),
            (models.UUIDField, uuid.uuid4),
            (models.GenericIPAddressField, lambda: "10.{}.{}.{}".format(*uuid.uuid4().bytes)),
            (ArrayField, list),
            (models.JSONField, dict),
            (models.BinaryField, lambda: number.to_bytes(32, "big")),
            # Tomorrow: a sweep of a test beside us, whose clock was moved on, is about all tenants.
            (models.DateTimeField, lambda: calendar.now() + datetime.timedelta(days=1)),
            (models.DateField, calendar.today),
            (models.TimeField, lambda: datetime.time(9)),
            (models.DurationField, lambda: datetime.timedelta(hours=1)),
            (models.BooleanField, lambda: False),
            (models.DecimalField, lambda: decimal.Decimal(1)),
            (models.IntegerField, lambda: number % 20_000 + 1),
            (models.FloatField, lambda: 1.0),
        )
        for kind, make in makers:
            if isinstance(field, kind):
                return make()
        if field.name == "currency":
            return current_tenant().currency
        if "phone" in field.name:
            return f"+92300{uuid.uuid4().int % 10**7:07d}"
        if isinstance(field, (models.CharField, models.TextField)):
            return self.text(field.max_length)
        raise AssertionError(f"no made-up value for {field}: add one to tests/nets/rows.py or a maker")
