"""MikroTik, over its binary API and over REST: two languages for the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol

from fiberledger.routers.mikrotik import Api, Refused, Row
from fiberledger.routers.rest import Rest

from .objects import KINDS, Found, Step, Thing, is_ours, names_of
from .protocol import Unsupported, Way, drivers

# A value of these cannot be set to nothing, only unset.
_UNSET = frozenset({"remote-address", "address", "mac-address"})


class Rows(Protocol):
    """What both languages can say."""

    def rows(self, path: str, *fields: str, **equal: str) -> list[Row]: ...
    def add(self, path: str, values: Mapping[str, Any]) -> str: ...
    def set(self, path: str, id: str, values: Mapping[str, Any]) -> None: ...
    def remove(self, path: str, id: str) -> bool: ...
    def ensure(self, path: str, key: Mapping[str, str], values: Mapping[str, Any]) -> str: ...
    def do(self, command: str, values: Mapping[str, Any]) -> Row: ...


class RouterOs:
    """A MikroTik one is connected to."""

    def __init__(self, wire: Rows) -> None:
        self.wire = wire

    def read(self, kinds: Sequence[type[Thing]]) -> list[Found]:
        found = []
        for kind in kinds:
            found += [_found(kind, row) for row in self.wire.rows(kind.path, *_fields(kind), **kind.only)]
        return found

    def apply(self, step: Step) -> Found | None:
        kind, path = type(step.thing), step.thing.path
        if step.verb == "remove":
            self.wire.remove(path, step.id)
            left = self.wire.rows(path, *_fields(kind), **{".id": step.id})
            return _found(kind, left[0]) if left else None
        values, id = step.thing.values(), step.id
        if step.verb == "add":
            tag = {} if kind.by_name else {"comment": step.thing.tag}
            id = self.wire.add(path, {name: value for name, value in values.items() if value} | tag)
        else:
            changed = {name: values[name] for name in step.differs if name != "comment"}
            if "comment" in step.differs:
                changed["comment"] = step.thing.tag
            for name in [name for name, value in changed.items() if not value and name in _UNSET]:
                self.wire.do(f"{path}/unset", {".id": id, "value-name": name})
                del changed[name]
            if changed:
                self.wire.set(path, id, changed)
        rows = self.wire.rows(path, *_fields(kind), **{".id": id})
        return _found(kind, rows[0]) if rows else None

    def disconnect(self, username: str, *, session_id: str = "", address: str | None = None) -> int:
        dropped = 0
        for path, field in (("/ppp/active", "name"), ("/ip/hotspot/active", "user")):
            for row in self.wire.rows(path, ".id", **{field: username}):
                dropped += self.wire.remove(path, row[".id"])
        return dropped

    def export(self) -> str:
        """The configuration as commands, without what is secret. Before RouterOS 7 only a terminal can say it."""
        try:
            return self.wire.do("/execute", {"script": "/export terse", "as-string": "yes"}).get("ret", "")
        except Refused as refused:
            if "no such" in str(refused) or "unknown parameter" in str(refused):
                raise Unsupported("RouterOS 6 says its configuration in a terminal only: use SSH") from None
            raise

    def version(self) -> str:
        return next((row.get("version", "") for row in self.wire.rows("/system/resource", "version")), "")


def _fields(kind: type[Thing]) -> list[str]:
    return [".id", *(name.replace("_", "-") for name in names_of(kind)), *([] if kind.by_name else ["comment"])]


def _found(kind: type[Thing], row: Row) -> Found:
    note = row.get("comment", "")
    tag = row.get(kind.unique, "") if kind.by_name else note
    ours = is_ours(kind, tag)
    given = {name: row.get(name.replace("_", "-"), "") for name in names_of(kind)}
    for name in kind.yes_no:
        given[name] = "yes" if given[name] in ("yes", "true") else "no"
    # A password is empty or missing for whoever may not read passwords.
    known = frozenset(name for name in row if row[name] or name not in kind.secret)
    return Found(kind(tag if ours else "", **given), row.get(".id", ""), ours, known, note)


class _MikroTik:
    language: ClassVar[type[Api | Rest]]

    def supports(self, kind: type[Thing]) -> bool:
        return kind in KINDS

    @contextmanager
    def open(self, way: Way) -> Iterator[RouterOs]:
        with self.language(
            way.address, way.port, username=way.username, password=way.password, tls=way.tls, pin=way.pin, seconds=way.seconds
        ) as wire:  # fmt: skip
            yield RouterOs(wire)


@drivers.register
class MikroTikApi(_MikroTik):
    """RouterOS 6 and 7 over the binary API, with or without TLS."""

    code = "mikrotik"
    language = Api


@drivers.register
class MikroTikRest(_MikroTik):
    """RouterOS 7 over REST."""

    code = "mikrotik-rest"
    language = Rest
