"""Every address of ours, with arguments made up for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from fiberledger.identity.checks import walk
from fiberledger.identity.guards import Guard

# What an address's argument is filled with when nothing better is known.
MADE_UP = {"int": 1, "slug": "x", "str": "x", "path": "x", "uuid": "6f1e1b1e-0000-4000-8000-000000000000"}
_ARGUMENT = re.compile(r"<(?:(\w+):)?(\w+)>")


@dataclass(frozen=True)
class Address:
    name: str
    route: str
    guard: Guard

    @property
    def arguments(self) -> list[tuple[str, str]]:
        """(name, converter) each; those of the includes above it too."""
        return [(name, kind or "str") for kind, name in _ARGUMENT.findall(self.route)]

    def path(self, **given: Any) -> str:
        def fill(found: re.Match[str]) -> str:
            return str(given.get(found[2], MADE_UP.get(found[1] or "str", "x")))

        return "/" + _ARGUMENT.sub(fill, self.route)

    @property
    def room(self) -> str:
        return self.name.split(":")[0]

    @property
    def needs_a_row(self) -> bool:
        return any(kind == "int" for _name, kind in self.arguments)


def addresses() -> list[Address]:
    found = {}
    for route, pattern, namespaces in walk():
        name = ":".join([*namespaces, pattern.name]) if pattern.name else route
        found[route] = Address(name, route, getattr(pattern.callback, "guard", None))
    return sorted(found.values(), key=lambda address: (address.name, address.route))
