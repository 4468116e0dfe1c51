"""Paging by key: a page starts after a row, not after a number of rows, so page 9,000 costs what page 1 does.

Rows are ordered by one column and then by id, both in the same direction, so that an index on
(tenant, column, id) serves both ways. Empty values come last either way; they are a segment of their own, because one
range condition with an OR for the empty ones cannot be answered from an index.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldError, ValidationError
from django.db.models import BooleanField, F, Func, Model, QuerySet, Value

from fiberledger.screens.paths import follow


class _RowBeyond(Func):
    """(column, id) > (value, id) as one row comparison: the form PostgreSQL answers from the index."""

    output_field = BooleanField()
    conditional = True
    arity = 4

    def __init__(self, *expressions, op: str, **extra):
        super().__init__(*expressions, **extra)
        self.op = op

    def as_sql(self, compiler, connection, **extra_context):
        parts, params = [], []
        for expression in self.source_expressions:
            sql, values = compiler.compile(expression)
            parts.append(sql)
            params.extend(values)
        left, left_id, right, right_id = parts
        return f"(({left}, {left_id}) {self.op} ({right}, {right_id}))", params


@dataclass(frozen=True)
class Order:
    """How a list is sorted: a lookup path and a direction."""

    lookup: str
    descending: bool = False
    nullable: bool = False

    def __str__(self) -> str:
        return ("-" if self.descending else "") + self.lookup


@dataclass(frozen=True)
class Page:
    rows: list
    after: str = ""
    before: str = ""


def order_by(model: type[Model], text: str) -> Order:
    """An Order from "name" or "-issued_on". Raises FieldError for a path that does not exist."""
    lookup = text.removeprefix("-")
    steps = follow(model, lookup)
    if not steps or not steps[-1].concrete:
        raise FieldError(f"{model.__name__} cannot be sorted by {lookup!r}")
    return Order(lookup, text.startswith("-"), any(step.null for step in steps))


def _write(order: Order, row: Model) -> str:
    value: Any = row
    for step in order.lookup.split("__"):
        value = getattr(value, step, None) if value is not None else None
    if isinstance(value, Model):
        value = value.pk
    if value is not None:
        value = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return base64.urlsafe_b64encode(json.dumps([value, row.pk], default=str).encode()).decode().rstrip("=")


def _read(model: type[Model], order: Order, token: str) -> tuple[Any, Any] | None:
    """The value and id a cursor stands for, or None when it is nonsense: the list then starts from the beginning."""
    try:
        value, pk = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        pk = model._meta.pk.to_python(pk)
        if not isinstance(value, str | None) or pk is None:
            return None
        if value is not None:
            field: Any = follow(model, order.lookup)[-1]
            value = (field.target_field if field.is_relation else field).to_python(value)
            if isinstance(value, str):
                value.encode()
                if "\x00" in value:
                    return None
        return value, pk
    except (ValueError, TypeError, AttributeError, OverflowError, ValidationError, binascii.Error, RecursionError):
        return None


def _segments(order: Order, backwards: bool) -> list[bool]:
    """Which parts to read, in reading order: False the rows with a value, True the empty ones, which are last."""
    parts = [False, True] if order.nullable else [False]
    return parts[::-1] if backwards else parts


def page(queryset: QuerySet, order: Order, *, after: str = "", before: str = "", size: int = 50) -> Page:
    """One page of the queryset, at most two queries, with cursors to the neighbouring pages ("" where there is none)."""
    model = queryset.model
    backwards = bool(before)
    token = before or after
    start = _read(model, order, token) if token else None
    if start is None:
        backwards = False
    flip = order.descending != backwards
    queryset = queryset.order_by()
    rows: list = []
    for empty in _segments(order, backwards):
        part = queryset
        if order.nullable:
            part = part.filter(**{f"{order.lookup}__isnull": empty})
        if start is not None:
            value, pk = start
            if (value is None) != empty:
                # The start lies in the other segment: what is read before that one is already behind us.
                if _comes_first(empty, order, backwards):
                    continue
            elif empty or order.lookup in ("pk", "id"):
                part = part.filter(**{f"pk__{'lt' if flip else 'gt'}": pk})
            else:
                part = part.filter(
                    _RowBeyond(
                        F(order.lookup), F("pk"), Value(value, _field(model, order)), Value(pk), op="<" if flip else ">"
                    )
                )
        sign = "-" if flip else ""
        keys = [f"{sign}pk"] if empty or order.lookup in ("pk", "id") else [f"{sign}{order.lookup}", f"{sign}pk"]
        rows += part.order_by(*keys)[: size + 1 - len(rows)]
        if len(rows) > size:
            break
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
        has_before, has_after = more, True
    else:
        has_before, has_after = start is not None, more
    if not rows:
        return Page([], before="", after="")
    return Page(
        rows,
        after=_write(order, rows[-1]) if has_after else "",
        before=_write(order, rows[0]) if has_before else "",
    )


def _comes_first(empty: bool, order: Order, backwards: bool) -> bool:
    return _segments(order, backwards)[0] is empty


def _field(model: type[Model], order: Order):
    field: Any = follow(model, order.lookup)[-1]
    return field.target_field if field.is_relation else field
