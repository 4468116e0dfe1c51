"""The list page, and plain tables of the same cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import NoReverseMatch
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from . import filters, keyset, scope
from .answering import is_fragment, respond
from .list_actions import can_export
from .registry import _may
from .rows import chosen_columns, count_of, is_cut, order_of, rows_for
from .screen import EXPORT_FORMATS, BoundColumn, Screen, bind_column, url_of


@dataclass
class Head:
    """A column's heading with the addresses that sort by it."""

    column: BoundColumn
    url: str = ""
    sorted: str = ""


def list_query(params: QueryDict, drop: Iterable[str] = (), **changes: Any) -> str:
    """The address's query with changes; a page position never survives them."""
    query = params.copy()
    for name in ("after", "before", *drop, *changes):
        query.pop(name, None)
    for name, value in changes.items():
        if value not in ("", None):
            query[name] = value
    text = query.urlencode()
    return f"?{text}" if text else "?"


def list_page(request: HttpRequest, screen: Screen, queryset: QuerySet | None = None, **context: Any) -> HttpResponse:
    """A Screen's list, or only its rows when htmx asks for them; over its own rows or those given."""
    from .models import SavedView

    params, actor = request.GET, request.actor
    saved = SavedView.objects.for_list(screen.key, actor.user_id)
    own = next((view.columns for view in saved if not view.name and view.owner_id == actor.user_id), None)
    columns = chosen_columns(screen, own, actor)
    rows = rows_for(screen, actor, params, within=scope.current(request), base=queryset, columns=columns)
    order = order_of(screen, params)
    page = keyset.page(
        rows, order, after=params.get("after", ""), before=params.get("before", ""), size=screen.page_size
    )
    moved = page.after or page.before or params.get("after") or params.get("before")
    count, count_text = count_of(rows, page, is_whole=not moved)
    bulk = [action for action in screen.bulk if _may(actor, action.permission)]
    chips = filters.chips(screen, request)
    narrowed = bool(params.get("q") or any(chip.active for chip in chips))
    list_url = request.path
    table = {
        "heads": [_head(column, order, params) for column in columns],
        "body": rows_html(
            screen, columns, page.rows, selectable=bool(bulk), menu=screen.record or bool(screen.buttons)
        ),
        "selectable": bool(bulk),
        "base": base_url(screen, list_url),
        "menu": screen.record or bool(screen.buttons),
        "name": str(screen.title),
    }
    context = {
        "screen": screen,
        "title": capfirst(str(screen.title)),
        "help": screen.help,
        "table": table,
        "rows": page.rows,
        "count": count,
        "count_text": count_text,
        "is_cut": is_cut(rows),
        "after": list_query(params, after=page.after) if page.after else "",
        "before": list_query(params, before=page.before) if page.before else "",
        "first_page": list_query(params) if page.before else "",
        "chips": chips,
        "narrowed": narrowed,
        "q": params.get("q", ""),
        "sort": params.get("sort", ""),
        "clear_url": list_query(
            params,
            drop=[c.name for c in chips]
            + [f"{c.name}_from" for c in chips]
            + [f"{c.name}_to" for c in chips]
            + ["q", "view"],
        ),
        "views": _views(screen, saved, params, list_url),
        "view": params.get("view", ""),
        "bulk": bulk,
        "query": params.urlencode(),
        "list_url": list_url,
        "actions_url": base_url(screen, list_url),
        "formats": EXPORT_FORMATS if screen.exports and can_export() else (),
        "can_create": screen.form is not None and screen.may(actor, "create"),
        "new_label": screen.new_label or _("New %(what)s") % {"what": screen.one},
        "list_buttons": [b for b in screen.list_buttons if _may(actor, b.permission)],
        "searchable": bool(screen.search),
        "search_hint": screen.search_hint or _("Search %(what)s") % {"what": screen.title},
        "empty": screen.empty,
        **context,
    }
    if is_fragment(request, "rows"):
        return respond(request, "screens/_rows.html", context | {"fragment": True})
    return respond(request, context.get("template", "screens/list.html"), context)


def base_url(screen: Screen, fallback: str) -> str:
    try:
        return screen.url("list")
    except NoReverseMatch:
        return fallback


def _head(column: BoundColumn, order: keyset.Order, params: QueryDict) -> Head:
    if not column.sort:
        return Head(column)
    if order.lookup == column.sort:
        other = f"{'' if order.descending else '-'}{column.sort}"
        return Head(column, list_query(params, sort=other), "descending" if order.descending else "ascending")
    return Head(column, list_query(params, sort=column.sort))


def _views(screen: Screen, saved: list, params: QueryDict, url: str) -> list[dict[str, Any]]:
    current = params.get("view", "")
    tabs = [{"code": "", "label": _("All"), "url": url, "current": not current, "own": False}]
    for view in screen.views:
        tabs.append(
            {
                "code": view.code,
                "label": view.label,
                "url": f"?{view.query}&view={view.code}",
                "current": current == view.code,
            }
        )
    for view in saved:
        if view.name:
            code = f"v{view.pk}"
            tabs.append(
                {
                    "code": code,
                    "label": view.name,
                    "url": f"?{view.query}&view={code}" if view.query else f"?view={code}",
                    "current": current == code,
                    "saved": view,
                    "shared": view.is_shared,
                }
            )
    return tabs


def rows_html(
    screen: Screen, columns: Sequence[BoundColumn], rows: Sequence[Model], *, selectable: bool, menu: bool
) -> SafeString:
    """The table's body. Python, not a template: this is most of what a list page consists of."""
    out: list[str] = []
    add = out.append
    heads = [
        f"<td data-l={_unquoted(column.title)}"
        + (" class=n>" if column.end else " class=bd>" if column.kind == "badge" else ">")
        for column in columns
    ]
    first, rest = columns[0], list(zip(columns[1:], heads[1:], strict=True))
    more = escape(_("More actions"))
    # End tags that HTML lets one leave out are left out: a page of fifty rows is mostly these lines.
    menu_cell = f'<td class=more><button type=button aria-label="{more}">⋯</button>'
    own_url = hasattr(screen.model, "get_absolute_url")
    base = ""
    if screen.record and not own_url:
        try:
            base = screen.url("list")
        except NoReverseMatch:
            base = ""
    for n, row in enumerate(rows):
        pk = row.pk
        add(f"<tr data-pk={pk}>")
        if selectable:
            add(f"<td class=sel><input type=checkbox name=pk value={pk} aria-labelledby=r{n}>")
        url = row.get_absolute_url() if own_url else f"{base}{pk}/" if base else ""  # type: ignore[attr-defined]
        name = first.html(row)
        add(
            f'<th scope=row><a id=r{n} href="{escape(url)}">{name}</a>'
            if url
            else f"<th scope=row><span id=r{n}>{name}</span>"
        )
        for column, head in rest:
            value = column.html(row)
            if column.url is not None and (link := column.url(row)):
                value = f'<a href="{escape(link)}">{value}</a>'
            add(f"{head}{value}")
        if menu:
            add(menu_cell)
    return mark_safe("".join(out))


def _unquoted(text: str) -> str:
    """An attribute's value, in quotation marks only where HTML wants them."""
    return escape(text) if text.isalpha() else f'"{escape(text)}"'


@dataclass
class Table:
    """A plain table for tabs and task pages, made of the same columns and cells as a list."""

    columns: list[BoundColumn]
    rows: list
    links: list[str] = field(default_factory=list)
    caption: Any = ""
    footer: list[Any] = field(default_factory=list)
    empty: Any = ""

    @property
    def body(self) -> list[dict[str, Any]]:
        return [
            {"url": url, "cells": [(column, column.html(row)) for column in self.columns], "row": row}
            for row, url in zip(self.rows, self.links or [""] * len(self.rows), strict=True)
        ]


def table(
    columns: Sequence[Any],
    rows: Iterable[Any],
    *,
    model: type[Model] | None = None,
    url: Callable[[Any], str] | None = url_of,
    caption: Any = "",
    footer: Sequence[Any] = (),
    empty: Any = "",
) -> Table:
    """A table of rows: `{% include "screens/_table.html" with table=table %}`. The rows are drawn as given: bound them yourself.

    For rows that are no model (dicts, dataclasses) every column needs `Column(name, label, value=lambda row: …)`.
    """
    rows = list(rows)
    model = model or (rows[0].__class__ if rows and isinstance(rows[0], Model) else getattr(rows, "model", None))
    bound = [bind_column(model, column) if model else _bind_loose(column) for column in columns]
    return Table(bound, rows, [url(row) if url else "" for row in rows], caption, list(footer), empty)


def _bind_loose(column: Any) -> BoundColumn:
    from .screen import Column

    if isinstance(column, str):
        column = Column(column)
    name = column.name
    read = column.value or (lambda row: row[name] if isinstance(row, dict) else getattr(row, name))
    return BoundColumn(
        name,
        column.label or name.replace("_", " "),
        column.kind or "text",
        "",
        False,
        (),
        read,
        column.currency,
        column.url,
        None,
    )
