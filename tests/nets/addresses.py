"""Every address of ours, with arguments made up for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from fiberledger.identity.checks import walk
from fiberledger.identity.guards import Guard

# What an address's argument is filled with when nothing better is known.
MADE_UP = {"int": 1, "slug": "x", "str": "x", "path": "x", "uuid": "6f1e1b1e-0000-4000-8000-000000000000"}


@dataclass(frozen=True)
class Address:
    name: str
    route: str
    guard: Guard
    arguments: tuple[tuple[str, str], ...]  # (name, converter)

    def path(self, **given: Any) -> str:
        return reverse(
            self.name, kwargs={name: given.get(name, MADE_UP.get(kind, "x")) for name, kind in self.arguments}
        )

    @property
    def needs_a_row(self) -> bool:
        return any(kind == "int" for _name, kind in self.arguments)


def addresses() -> list[Address]:
    found = {}
    for route, pattern, namespaces in walk():
        name = ":".join([*namespaces, pattern.name]) if pattern.name else ""
        if not name:
            continue
        arguments: dict[str, str] = {}
        # Converters of the includes above count too; they are all in the full route.
        for part in _parts(route):
            arguments[part[0]] = part[1]
        found[name] = Address(name, route, getattr(pattern.callback, "guard", None), tuple(arguments.items()))
    return [found[name] for name in sorted(found)]


def _parts(route: str) -> list[tuple[str, str]]:
    return [(name, kind or "str") for kind, name in re.findall(r"<(?:(\w+):)?(\w+)>", route)]


def nameless() -> list[str]:
    return [route for route, pattern, _namespaces in walk() if not pattern.name]
