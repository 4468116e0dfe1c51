"""Which columns are locked: each room says so in its `vaulted.py`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from django.apps import apps
from django.utils.module_loading import module_has_submodule


@dataclass(frozen=True)
class Locked:
    """One locked column: `model` "access.nas", its field, and the first half of the place it was locked for.

    `label` is what people call it. `listed`: few enough to be listed one by one, and due to be changed from time to time.
    `audited` is the action that is noted when somebody sees one.
    """

    model: str
    field: str
    place: str
    label: Any
    audited: str
    listed: bool = False

    @property
    def code(self) -> str:
        return f"{self.model}.{self.field}"

    @property
    def table(self) -> str:
        return apps.get_model(self.model)._meta.db_table

    @property
    def column(self) -> str:
        return apps.get_model(self.model)._meta.get_field(self.field).column

    @property
    def key(self) -> str:
        column = apps.get_model(self.model)._meta.pk
        assert column is not None
        return column.column

    def place_of(self, tenant_id: int) -> str:
        return f"{self.place}:{tenant_id}"


def _rooms() -> list[Any]:
    return [
        import_module(f"{config.name}.vaulted")
        for config in apps.get_app_configs()
        if config.name.startswith("fiberledger.") and module_has_submodule(config.module, "vaulted")
    ]


@cache
def kinds() -> dict[str, Locked]:
    """Every locked column, by its code."""
    return {one.code: one for room in _rooms() for one in getattr(room, "LOCKED", ())}


@cache
def no_secrets() -> dict[str, str]:
    """Binary columns that are not locked, "access.radiusline.secret", and why not."""
    return {name.lower(): why for room in _rooms() for name, why in getattr(room, "NOT_LOCKED", {}).items()}
