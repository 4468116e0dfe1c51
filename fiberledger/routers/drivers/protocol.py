from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Protocol

from fiberledger.plugins import Registry
from fiberledger.routers.mikrotik import Trouble

from .objects import Found, Step, Thing


class Unsupported(Trouble):
    """This way to the router cannot do that. The message says what can."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a router is reached: everything a driver may need, and nothing it keeps."""

    address: str
    port: int = 0
    username: str = ""
    password: str = ""
    tls: bool = False
    seconds: float = 10  # for one command
    secret: str = ""  # RADIUS, for commands
    coa_port: int = 3799
    pin: str = ""  # SHA-256 of the only certificate that is talked to

    def __repr__(self) -> str:
        return f"Way({self.address}:{self.port})"  # the rest is secret


class Connection(Protocol):
    """One connection to one router, for one thread. Raises Trouble (NoAnswer, Denied, Refused, Unsupported) and nothing else.

    `read` gives what there is of these kinds, others' too, asking for no field that we do not compare. `apply` makes one
    step and gives back what the router says afterwards: None for something removed. `disconnect` drops the sessions of a
    login and says how many there were. `export` is the whole configuration as text.
    """

    def read(self, kinds: Sequence[type[Thing]]) -> list[Found]: ...
    def apply(self, step: Step) -> Found | None: ...
    def disconnect(self, username: str, *, session_id: str = "", address: str | None = None) -> int: ...
    def export(self) -> str: ...


class NasDriver(Protocol):
    """A way to talk to routers of one make. Knows their language; knows no tenants and no tables."""

    code: ClassVar[str]

    def supports(self, kind: type[Thing]) -> bool: ...
    def open(self, way: Way) -> AbstractContextManager[Connection]: ...


drivers: Registry[NasDriver] = Registry("router driver")
