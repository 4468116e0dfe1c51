"""Arrays handed to PostgreSQL at the speed of a join: the statements of a run carry tens of thousands of values."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import NoneType
from typing import Any

import psycopg
from psycopg.types.array import ListDumper


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


_WRITE: dict[type, Any] = {int: str, str: _quoted, date: date.isoformat, Decimal: str}


class ArrayDumper(ListDumper):
    """psycopg writes an array element by element, each through a search for what wants quoting. One of plain numbers, days
    or texts is written here, to the same meaning; everything else (mixed, nested, a text with a NUL in it) there."""

    def dump(self, obj: list[Any]) -> Any:
        kinds = set(map(type, obj))
        kinds.discard(NoneType)
        if len(kinds) != 1 or (write := _WRITE.get(*kinds)) is None:
            return super().dump(obj)
        written = ",".join(["NULL" if value is None else write(value) for value in obj])
        return super().dump(obj) if "\0" in written else f"{{{written}}}".encode()


psycopg.adapters.register_dumper(list, ArrayDumper)
