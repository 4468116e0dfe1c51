"""Which rows and columns a list's address stands for, in which order, and how many."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import FieldError
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from . import filters, keyset, scope
from .screen import BoundColumn, Screen

COUNT_CAP = 10_000


def base_rows(screen: Screen, actor: Any) -> QuerySet:
    """Every row of the model that the actor may see."""
    queryset = screen.model._default_manager.all()
    return queryset.visible_to(actor) if hasattr(queryset, "visible_to") else queryset


def rows_for(
    screen: Screen,
    actor: Any,
    params: QueryDict,
    *,
    within: scope.Scope | None = None,
    base: QuerySet | None = None,
    columns: Sequence[BoundColumn] | None = None,
) -> QuerySet:
    """The rows a list's address stands for: seen by the actor, in scope, filtered, searched, sorted, joined."""
    queryset = base_rows(screen, actor) if base is None else base
    if within is not None:
        queryset = scope.narrow_to(within, queryset)
    for spec in screen.bound_filters:
        if values := filters.values_of(spec, params):
            queryset = filters.apply(spec, queryset, values, actor)
    if text := params.get("q", ""):
        queryset = filters.search(screen, queryset, text, actor)
    if screen.rows:
        prepare = getattr(queryset, screen.rows)
        shown = (
            {"columns": {column.name for column in columns}} if columns and "columns" in signature_of(prepare) else {}
        )
        queryset = prepare(**shown)
    joins = sorted({join for column in columns or screen.bound_columns for join in column.joins})
    if joins:
        queryset = queryset.select_related(*joins)
    order = order_of(screen, params)
    sign = "-" if order.descending else ""
    return queryset.order_by(f"{sign}{order.lookup}", f"{sign}pk")


def signature_of(function: Callable[..., Any]) -> set[str]:
    """The names of a function's arguments: what it asks for, it is given."""
    return set(inspect.signature(function).parameters)


def order_of(screen: Screen, params: QueryDict) -> keyset.Order:
    asked = params.get("sort", "")
    allowed = {column.sort for column in screen.bound_columns if column.sort} | {screen.default_order.lookup}
    if asked.removeprefix("-") in allowed:
        try:
            return keyset.order_by(screen.model, asked)
        except FieldError:
            pass
    return screen.default_order


def count_of(queryset: QuerySet, page: keyset.Page, *, is_whole: bool) -> tuple[int, str]:
    """How many, as far as is worth counting, and how to say it: "10,000+". `is_whole`: the page is all there is."""
    count = len(page.rows) if is_whole else queryset.order_by().select_related(None)[: COUNT_CAP + 1].count()
    more = count > COUNT_CAP or is_cut(queryset)
    return count, f"{min(count, COUNT_CAP):,}{'+' if more else ''}"


def is_cut(queryset: QuerySet) -> bool:
    """Whether a search found more than it looked at (see `SubscriberQuerySet.among`)."""
    return getattr(queryset, "is_cut", False)


def selection(request: HttpRequest, screen: Screen) -> QuerySet:
    """The rows a bulk form means: the ticked ones, or all that match the list's query, as far as the actor may see."""
    params = QueryDict(request.POST.get("query", "")[:4000])
    if request.POST.get("all") == "1":
        return rows_for(screen, request.actor, params, within=scope.current(request))
    ids = [int(pk) for pk in request.POST.getlist("pk") if pk.isdecimal() and len(pk) < 19]
    return base_rows(screen, request.actor).filter(pk__in=ids)


def chosen_columns(screen: Screen, own: Sequence[str] | None, actor: Any) -> list[BoundColumn]:
    """The columns this member wants, in the screen's order; the first one is always there."""
    if own:
        chosen = [column for column in screen.columns_for(actor) if column.name in own]
        if screen.bound_columns[0] not in chosen:
            chosen.insert(0, screen.bound_columns[0])
        return chosen
    return [column for column in screen.columns_for(actor) if not column.hidden]
