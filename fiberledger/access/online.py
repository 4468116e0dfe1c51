"""What rooms above say of sessions that are on: a module `online_list.py` in the room, found by name.

COLUMNS = [Column(…)]          # of the list of who is online
def rows(queryset): …          # annotates what the columns read
def facts(sessions): …         # {session's key: [(label, html)]}, for a subscriber's network tab
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from django.apps import apps
from django.utils.module_loading import module_has_submodule


@cache
def _modules() -> tuple[ModuleType, ...]:
    return tuple(
        import_module(f"{config.name}.online_list")
        for config in apps.get_app_configs()
        if config.name.startswith("fiberledger.") and module_has_submodule(config.module, "online_list")
    )


def columns() -> list[Any]:
    return [column for module in _modules() for column in module.COLUMNS]


def with_additions(queryset: Any, shown: Collection[str] | None = None) -> Any:
    """What the rooms' columns read is fetched only where one of them is shown."""
    for module in _modules():
        if shown is None or {column.name for column in module.COLUMNS}.intersection(shown):
            queryset = module.rows(queryset)
    return queryset


def facts(sessions: Iterable[Any]) -> dict[Any, list[tuple[Any, Any]]]:
    found: dict[Any, list[tuple[Any, Any]]] = {}
    for module in _modules():
        for key, said in module.facts(sessions).items():
            found.setdefault(key, []).extend(said)
    return found
