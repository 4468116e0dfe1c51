from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fiberledger.routers import coa
from fiberledger.routers.mikrotik import NoAnswer, Refused

from .objects import Found, Step, Thing
from .protocol import Unsupported, Way, drivers


class RadiusConnection:
    def __init__(self, way: Way) -> None:
        self._way = way

    def read(self, kinds: Sequence[type[Thing]]) -> list[Found]:
        return []

    def apply(self, step: Step) -> Found | None:
        raise Unsupported("this router takes commands over RADIUS only: nothing can be kept on it")

    def disconnect(self, username: str, *, session_id: str = "", address: str | None = None) -> int:
        way = self._way
        answer = coa.ask(
            (way.address, way.coa_port), coa.DISCONNECT, way.secret, coa.which(session_id, username, address),
            tries=2, wait=min(1.0, way.seconds / 2),
        )  # fmt: skip
        if answer.kind == "silence":
            raise NoAnswer("no answer to a command over RADIUS")
        if answer.kind == "nak" and answer.error != coa.NO_SUCH_SESSION:
            raise Refused(answer.words)
        return int(answer.kind == "ack")

    def export(self) -> str:
        raise Unsupported("this router takes commands over RADIUS only: its configuration cannot be read")


@drivers.register
class RadiusOnly:
    """A router that asks us, and that we can tell to drop a session. It keeps nothing of ours."""

    code = "radius"

    def supports(self, kind: type[Thing]) -> bool:
        return False

    @contextmanager
    def open(self, way: Way) -> Iterator[RadiusConnection]:
        yield RadiusConnection(way)
