"""What rooms above add to the list of subscribers: a module `subscriber_list.py` in the room, found by name.

    COLUMNS = [Column("online", _("Online"), value=lambda subscriber: …)]
    FILTERS = [Filter(…)]      BULK = [Bulk(…)]      VIEWS = [View(…)]
    def rows(queryset): …      # joins or prefetches what the columns read

The columns are drawn for one page of rows, so `rows` prefetches and never counts.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from django.apps import apps
from django.utils.module_loading import module_has_submodule


@cache
def _modules() -> tuple[ModuleType, ...]:
    return tuple(
        import_module(f"{config.name}.subscriber_list")
        for config in apps.get_app_configs()
        if config.name.startswith("fiberledger.") and module_has_submodule(config.module, "subscriber_list")
    )


def added(what: str) -> list[Any]:
    """Everything that rooms add under this name, in the order of the rooms."""
    return [item for module in _modules() for item in getattr(module, what, ())]


def with_additions(queryset: Any, columns: Collection[str] | None = None) -> Any:
    """What the rooms' columns read is fetched only where one of them is shown."""
    for module in _modules():
        own = {column.name for column in getattr(module, "COLUMNS", ())}
        if hasattr(module, "rows") and (columns is None or own.intersection(columns)):
            queryset = module.rows(queryset)
    return queryset
