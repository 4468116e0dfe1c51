"""What can be permitted, gathered from every room.

A room's `permissions.py` has PERMISSIONS = {"payments.view": _("See payments"), ...}; the part before the dot is the
group they are shown under, LABEL its heading. KINDS says for which kinds of tenant they exist at all: ISPs, where the
room does not say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from typing import Any

from django.apps import apps
from django.utils.module_loading import module_has_submodule
from django.utils.translation import gettext_lazy as _

LABEL = _("Team")
KINDS = ("platform", "platform_reseller", "isp")

PERMISSIONS = {
    "members.view": _("See members and when they were last here"),
    "members.manage": _("Invite, change and disable members"),
    "members.reset": _("Send password resets, unlock, and end members' logins"),
    "roles.view": _("See roles and what they permit"),
    "roles.manage": _("Create and change roles"),
}


@dataclass(frozen=True)
class Group:
    code: str
    label: Any
    permissions: dict[str, Any]


@cache
def _rooms() -> list[tuple[Any, tuple[str, ...], dict[str, Any]]]:
    found = []
    for config in apps.get_app_configs():
        if config.name.startswith("fiberledger.") and module_has_submodule(config.module, "permissions"):
            module = import_module(f"{config.name}.permissions")
            label = getattr(module, "LABEL", config.verbose_name)
            found.append((label, tuple(getattr(module, "KINDS", ("isp",))), dict(module.PERMISSIONS)))
    return found


@cache
def all() -> dict[str, Any]:
    """Every permission there is, with its words."""
    return {code: label for _label, _kinds, permissions in _rooms() for code, label in permissions.items()}


@cache
def for_kind(kind: str) -> frozenset[str]:
    """The permissions that mean anything in a tenant of that kind."""
    return frozenset(code for _label, kinds, permissions in _rooms() if kind in kinds for code in permissions)


def groups(kind: str) -> list[Group]:
    """As they are shown in the role editor: by room, in the order of the house."""
    return [Group(str(label), label, permissions) for label, kinds, permissions in _rooms() if kind in kinds]


def matching(kind: str, patterns: tuple[str, ...]) -> frozenset[str]:
    """The permissions that a role template's patterns name; "!reports.*" takes away again what earlier ones gave."""
    chosen: set[str] = set()
    for pattern in patterns:
        if pattern.startswith("!"):
            chosen = {code for code in chosen if not fnmatchcase(code, pattern[1:])}
        else:
            chosen |= {code for code in for_kind(kind) if fnmatchcase(code, pattern)}
    return frozenset(chosen)
