from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Protocol

from fiberledger.plugins import Registry

from .faults import Fault


@dataclass(frozen=True)
class Field:
    """One thing we want to know of a row. `synonyms` are headers people write for it, in any language, in small letters."""

    code: str
    label: Any
    synonyms: tuple[str, ...] = ()
    required: bool = False
    looks_like: Callable[[str | date, str], bool] | None = None
    by_content: bool = False  # may be guessed from its cells alone
    is_secret: bool = False  # its cells are never shown
    help: Any = ""

    def words(self) -> frozenset[str]:
        from .mapping import plain

        return frozenset({plain(word) for word in (self.code, *self.synonyms)})


@dataclass(slots=True)
class Verdict:
    """What became of one row: faults, or already here, or a value to be taken."""

    line: int
    faults: list[Fault] = field(default_factory=list)
    here: bool = False
    value: Any = None


class Collision(Exception):
    """Somebody else stored the same thing between our look and our writing: look again."""


class Importer(Protocol):
    """What a row of one kind means. Knows its room's rules and verbs; knows nothing of files, pages or jobs.

    `open` reads what every row needs, once, and what `by` may reach; its answer goes through the whole pass and remembers what
    the file has said so far. `read` understands rows by themselves: it runs ahead in a thread of its own and asks no database. `check` is given what
    was read, in order, and is asked about each row once; `skip` is told of rows that an earlier pass settled. `take` writes in
    the transaction that is open and gives back what it created as {model label: [ids]}; `undo` gets the same again.
    """

    code: ClassVar[str]
    title: ClassVar[Any]
    explain: ClassVar[Any]  # one sentence: what a row is
    url: ClassVar[str]  # the list where what was taken is seen
    fields: ClassVar[tuple[Field, ...]]
    creatable: ClassVar[dict[str, Any]]  # what `create missing` may create: {"areas": label}
    tables: ClassVar[tuple[str, ...]]  # what it fills: PostgreSQL is told to look at them anew as they grow
    # What is asked once for the whole file, besides: {option: (label, [(value, label), …])}; may be left out.
    questions: ClassVar[dict[str, tuple[Any, list[tuple[str, Any]]]]]
    remedies: ClassVar[dict[str, Any]]
    words: ClassVar[dict[str, Any]]

    def open(self, options: dict, *, by: Any) -> Any: ...
    def read(self, context: Any, rows: Sequence[tuple[int, dict[str, Any]]]) -> list[Any]: ...
    def check(self, context: Any, read: Sequence[Any]) -> list[Verdict]: ...
    def skip(self, context: Any, read: Sequence[Any]) -> None: ...
    def take(self, context: Any, values: Sequence[Any], *, by: Any, run_id: int) -> dict[str, list[int]]: ...
    def done(self, context: Any, *, by: Any, run_id: int) -> None: ...
    def dependants(self, created: dict[str, list[int]]) -> list[str]: ...
    def undo(self, created: dict[str, list[int]], *, by: Any, run_id: int) -> None: ...
    def show(self, value: Any) -> dict[str, str]: ...


importers: Registry[Importer] = Registry("importer")
