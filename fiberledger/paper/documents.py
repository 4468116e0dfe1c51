from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Size(StrEnum):
    A4 = "a4"
    ROLL_80 = "80mm"
    ROLL_58 = "58mm"


@dataclass(frozen=True, slots=True)
class Party:
    """Who sells or buys: a name and the lines below it. `logo` is a file's path, `color` #rrggbb."""

    name: str
    lines: tuple[str, ...] = ()
    logo: str = ""
    color: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice, a receipt or a statement, in words: every value is shown as given, in the reader's language.

    `rows` have as many cells as `columns`; the first cell may be "text\nsmaller note". The last of `totals` is set
    large. `qr` is what a phone reads off the code, `qr_caption` what a person reads below it.
    """

    title: str
    number: str
    seller: Party
    buyer: Party
    facts: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    totals: tuple[tuple[str, str], ...] = ()
    status: str = ""
    notes: tuple[str, ...] = ()
    qr: str = ""
    qr_caption: str = ""
    footer: str = ""
    terms: str = ""
    buyer_label: str = ""
    terms_label: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A table over as many pages as it takes, its header repeated; `facts` say what was asked, `totals` close it."""

    title: str
    seller: Party
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    facts: tuple[tuple[str, str], ...] = ()
    totals: tuple[str, ...] = ()
    footer: str = ""
    landscape: bool = field(default=False)
