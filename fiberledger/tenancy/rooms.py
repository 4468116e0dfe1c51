from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def verbs(room: str, **modules: str) -> tuple[list[str], Callable[[str], Any]]:
    """A room's public names, each found in its module when first asked for: Django imports a room before any model
    may be defined. In the room's `__init__`: `__all__, __getattr__ = verbs(__name__, services="post reverse")`."""
    home = {name: module for module, names in modules.items() for name in names.split()}

    def find(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"{room} has no {name}")
        return getattr(import_module(f"{room}.{home[name]}"), name)

    return sorted(home), find
