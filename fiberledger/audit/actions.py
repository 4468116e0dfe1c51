"""What actions are called, and which of them deserve a second look.

A room may have `audited.py` with ACTIONS = {"payment.reversed": _("Payment reversed")} and CRITICAL = {"payment.reversed"};
without it an action shows under its own code, with the dots read as spaces.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from typing import Any

from django.apps import apps
from django.utils.module_loading import module_has_submodule

# Whatever the room: what is taken away, turned back, opened up or let in.
ALWAYS_CRITICAL = (
    "*.deleted",
    "*.removed",
    "*.reversed",
    "*.voided",
    "*.undone",
    "*.revealed",
    "*.exported",
    "*.disabled",
    "*.written_off",
    "*.failed",
    "*.locked",
    "role.*",
    "member.*",
    "tenant.*",
    "password.*",
)


@cache
def _declared() -> tuple[dict[str, Any], frozenset[str]]:
    labels: dict[str, Any] = {}
    critical: set[str] = set()
    for config in apps.get_app_configs():
        if config.name.startswith("fiberledger.") and module_has_submodule(config.module, "audited"):
            module = import_module(f"{config.name}.audited")
            labels.update(module.ACTIONS)
            critical.update(getattr(module, "CRITICAL", ()))
    return labels, frozenset(critical)


def label(action: str) -> str:
    """The action in words, in the reader's language where its room has named it."""
    known = _declared()[0].get(action)
    return str(known) if known else action.replace(".", " ").replace("_", " ").capitalize()


def labels() -> dict[str, Any]:
    return dict(_declared()[0])


def is_critical(action: str) -> bool:
    return action in _declared()[1] or any(fnmatchcase(action, pattern) for pattern in ALWAYS_CRITICAL)


def declared_critical() -> frozenset[str]:
    return _declared()[1]
