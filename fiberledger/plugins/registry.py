from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from fiberledger.tenancy import Refusal

P = TypeVar("P")


class UnknownPlugin(Refusal):
    """No plug-in of that code is installed."""


class Registry(Generic[P]):
    """The plug-ins that speak one protocol, by their `code`.

    `@gateways.register` on a class keeps one instance of it; two of one code are a programming error.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._known: dict[str, P] = {}

    def register(self, plugin: Any) -> Any:
        instance = plugin()
        code = instance.code  # type: ignore[attr-defined]
        if code in self._known:
            raise ValueError(f"two {self.what} plug-ins are called {code!r}")
        self._known[code] = instance
        return plugin

    def get(self, code: str) -> P:
        try:
            return self._known[code]
        except KeyError:
            raise UnknownPlugin(f"no {self.what} called {code!r} is installed") from None

    def __iter__(self) -> Iterator[P]:
        return iter(self._known.values())

    def choices(self) -> list[tuple[str, str]]:
        return [(code, str(getattr(plugin, "label", code))) for code, plugin in self._known.items()]
