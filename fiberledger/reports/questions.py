from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from fiberledger.screens import ChartData
from fiberledger.screens.scope import Scope, narrow_to


@dataclass(frozen=True)
class Question:
    """What a report is asked: half-open days `[since, until)`, grouped `by`, in one currency, within what the actor may see."""

    since: date
    until: date
    by: str
    currency: str
    actor: Any
    scope: Scope = field(default_factory=Scope)

    def within(self, rows: Any) -> Any:
        return narrow_to(self.scope, rows.visible_to(self.actor))


@dataclass(frozen=True)
class Heading:
    """A column: kind is text, count, money or percent."""

    label: Any
    kind: str = "text"

    @property
    def is_number(self) -> bool:
        return self.kind != "text"


@dataclass(frozen=True)
class Answer:
    """A table, its closing line, and a chart of it. The first cell of a row names it; `links` opens what it is made of."""

    headings: Sequence[Heading]
    rows: Sequence[Sequence[Any]]
    totals: Sequence[Any] = ()
    chart: ChartData | None = None
    note: str = ""


@dataclass(frozen=True)
class Report:
    """A report is a title, the groupings it offers (the first is the usual one), and a function that answers.

    `asks` is "days" for a span of time, "" for how things stand now.
    """

    code: str
    title: Any
    text: Any
    icon: str
    permission: str
    by: Sequence[tuple[str, Any]]
    answer: Callable[[Question], Answer]
    asks: str = "days"
