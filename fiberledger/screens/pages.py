"""The page kinds as functions: list, record, form, task. `Screen` is read here and nowhere else."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.exceptions import FieldError, PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, path, reverse
from django.utils.html import escape
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fiberledger import audit
from fiberledger.tenancy import Refusal

from . import cells, filters, keyset, scope
from .registry import Button, Card, Fact, Facts, Tab, Trail, _may, parts_of
from .screen import EXPORT_FORMATS, BoundColumn, Screen, bind_column, has_field, url_of

COUNT_CAP = 10_000
CREATED, CHANGED = gettext_lazy("%(what)s was added."), gettext_lazy("Changes to %(what)s were saved.")

Exporter = Callable[[HttpRequest, Screen, QueryDict, str], HttpResponse]
_exporter: Exporter | None = None


def use_exporter(exporter: Exporter) -> None:
    """Called once by the exports room: `exporter(request, screen, params, format)` starts the job and answers."""
    global _exporter
    _exporter = exporter


def toast(request: HttpRequest, text: Any, tone: str = "good") -> None:
    """Say something once, in the corner of the next page or fragment. tone: good, info, warn, bad."""
    messages.add_message(request, messages.INFO, str(text), extra_tags=tone, fail_silently=True)


def is_fragment(request: HttpRequest, target: str) -> bool:
    """Whether htmx asks for just this part of the page. Going back in history always asks for the whole."""
    return (
        request.headers.get("HX-Request") == "true"
        and request.headers.get("HX-History-Restore-Request") != "true"
        and request.headers.get("HX-Target") == target
    )


def _respond(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    response = HttpResponse(render_to_string(template, context, request), status=status)
    response["Vary"] = "HX-Request, HX-Target, Cookie"
    return response


def back_to(request: HttpRequest, fallback: str) -> str:
    """Where a small form returns to: its `next`, if that is a page of ours."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    return url if url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()) else fallback


# --- rows -----------------------------------------------------------------------------------------------------


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
        queryset = filters.search(screen, queryset, text)
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


def count_of(queryset: QuerySet) -> tuple[int, str]:
    """How many, as far as is worth counting, and how to say it: "10,000+"."""
    count = queryset.order_by().select_related(None)[: COUNT_CAP + 1].count()
    return count, f"{COUNT_CAP:,}+" if count > COUNT_CAP else f"{count:,}"


# --- the list -------------------------------------------------------------------------------------------------


@dataclass
class Head:
    """A column's heading with the addresses that sort by it."""

    column: BoundColumn
    url: str = ""
    sorted: str = ""


def _query(params: QueryDict, drop: Iterable[str] = (), **changes: Any) -> str:
    """The address's query with changes; a page position never survives them."""
    query = params.copy()
    for name in ("after", "before", *drop, *changes):
        query.pop(name, None)
    for name, value in changes.items():
        if value not in ("", None):
            query[name] = value
    text = query.urlencode()
    return f"?{text}" if text else "?"


def chosen_columns(screen: Screen, own: Sequence[str] | None, actor: Any) -> list[BoundColumn]:
    """The columns this member wants, in the screen's order; the first one is always there."""
    if own:
        chosen = [column for column in screen.columns_for(actor) if column.name in own]
        if screen.bound_columns[0] not in chosen:
            chosen.insert(0, screen.bound_columns[0])
        return chosen
    return [column for column in screen.columns_for(actor) if not column.hidden]


def show_list(request: HttpRequest, screen: Screen, queryset: QuerySet | None = None, **context: Any) -> HttpResponse:
    """The list page, or only its rows when htmx asks for them."""
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
    count, count_text = (
        count_of(rows)
        if page.after or page.before or params.get("after") or params.get("before")
        else (len(page.rows), f"{len(page.rows):,}")
    )
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
        "base": _base_url(screen, list_url),
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
        "after": _query(params, after=page.after) if page.after else "",
        "before": _query(params, before=page.before) if page.before else "",
        "first_page": _query(params) if page.before else "",
        "chips": chips,
        "narrowed": narrowed,
        "q": params.get("q", ""),
        "sort": params.get("sort", ""),
        "clear_url": _query(
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
        "actions_url": _base_url(screen, list_url),
        "formats": EXPORT_FORMATS if screen.exports and _exporter is not None else (),
        "can_create": screen.form is not None and screen.may(actor, "create"),
        "new_label": screen.new_label or _("New %(what)s") % {"what": screen.one},
        "list_buttons": [b for b in screen.list_buttons if _may(actor, b.permission)],
        "searchable": bool(screen.search),
        "search_hint": screen.search_hint or _("Search %(what)s") % {"what": screen.title},
        "empty": screen.empty,
        **context,
    }
    if is_fragment(request, "rows"):
        return _respond(request, "screens/_rows.html", context | {"fragment": True})
    return _respond(request, context.get("template", "screens/list.html"), context)


def list_page(request: HttpRequest, screen: Screen, queryset: QuerySet | None = None, **context: Any) -> HttpResponse:
    """A Screen's list over rows of your choosing: show_list under the name other rooms use."""
    return show_list(request, screen, queryset, **context)


def _base_url(screen: Screen, fallback: str) -> str:
    try:
        return screen.url("list")
    except NoReverseMatch:
        return fallback


def _head(column: BoundColumn, order: keyset.Order, params: QueryDict) -> Head:
    if not column.sort:
        return Head(column)
    if order.lookup == column.sort:
        other = f"{'' if order.descending else '-'}{column.sort}"
        return Head(column, _query(params, sort=other), "descending" if order.descending else "ascending")
    return Head(column, _query(params, sort=column.sort))


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
        f'<td data-l="{escape(column.title)}"'
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
    for row in rows:
        pk = row.pk
        add(f"<tr data-pk={pk}>")
        if selectable:
            add(f"<td class=sel><input type=checkbox name=pk value={pk} aria-labelledby=r{pk}>")
        url = row.get_absolute_url() if own_url else f"{base}{pk}/" if base else ""  # type: ignore[attr-defined]
        name = first.html(row)
        add(
            f'<th scope=row><a id=r{pk} href="{escape(url)}">{name}</a>'
            if url
            else f"<th scope=row><span id=r{pk}>{name}</span>"
        )
        for column, head in rest:
            value = column.html(row)
            if column.url is not None and (link := column.url(row)):
                value = f'<a href="{escape(link)}">{value}</a>'
            add(f"{head}{value}")
        if menu:
            add(menu_cell)
    return mark_safe("".join(out))


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


# --- the record -----------------------------------------------------------------------------------------------


def show_one(request: HttpRequest, screen: Screen, pk: int, **context: Any) -> HttpResponse:
    """A record of a Screen: facts, buttons, an overview of its fields, tabs, cards, history."""
    queryset = base_rows(screen, request.actor)
    joins = _form_joins(screen)
    if joins:
        queryset = queryset.select_related(*joins)
    if screen.rows:
        queryset = getattr(queryset, screen.rows)()
    obj = get_object_or_404(queryset, pk=pk)
    actor = request.actor
    buttons = list(screen.buttons)
    if screen.may(actor, "edit") and screen.form is not None:
        buttons.append(
            Button(
                _("Edit"),
                screen.url("edit", obj.pk),
                "pencil",
                order=40,
                keys="e",
                primary=not any(b.primary for b in buttons),
            )
        )
    overview = Tab(
        "overview", _("Overview"), "screens/_overview.html", lambda request, obj: {"sections": sections_of(screen, obj)}
    )
    return record_page(
        request,
        obj,
        title=getattr(obj, screen.heading) if screen.heading else str(obj),
        kind=capfirst(str(screen.one)),
        number=getattr(obj, screen.number) if screen.number else "",
        status=screen.status if has_field(screen.model, screen.status) else "",
        facts=list(screen.facts(request, obj)) if screen.facts else [],
        buttons=buttons,
        tabs=[overview, *screen.tabs],
        cards=list(screen.cards),
        back=(capfirst(str(screen.title)), screen.url("list")),
        icon=screen.icon,
        **context,
    )


def _form_joins(screen: Screen) -> list[str]:
    joins = {join for column in screen.bound_columns for join in column.joins}
    for _title, names in screen.sections or [("", _form_fields(screen))]:
        for name in names:
            joins |= set(bind_column(screen.model, name).joins)
            if has_field(screen.model, name) and (f := screen.model._meta.get_field(name)).is_relation and f.concrete:
                joins.add(name)
    return sorted(joins)


def _form_fields(screen: Screen) -> list[str]:
    if screen.form is None:
        return [column.name for column in screen.bound_columns]
    fields = [name for name in screen.form.base_fields if has_field(screen.model, name)]
    return [name for name in fields if not screen.model._meta.get_field(name).many_to_many]


def sections_of(screen: Screen, obj: Model) -> list[tuple[Any, list[tuple[str, SafeString]]]]:
    """A record's fields in words, section by section; of a form's sections what the model has."""
    sections: Sequence[Any] = screen.sections or [
        (title, [name for name in names if hasattr(screen.model, name)], *more)
        for title, names, *more in getattr(screen.form, "sections", None) or [("", _form_fields(screen))]
    ]
    shown = []
    for title, names, *_help in sections:
        lines = [_line(screen.model, name, obj) for name in names]
        if lines:
            shown.append((title, lines))
    return shown


def _line(model: type[Model], name: str, obj: Model) -> tuple[str, SafeString]:
    stored: Any = model._meta.get_field(name) if has_field(model, name) else None
    if stored is not None and stored.many_to_many:
        return capfirst(str(stored.verbose_name)), cells.plain(", ".join(str(one) for one in getattr(obj, name).all()))
    column = bind_column(model, name)
    value, html = column.read(obj), column.html(obj)
    if isinstance(value, Model) and (link := url_of(value)):
        html = mark_safe(f'<a class="link" href="{escape(link)}">{html}</a>')
    return column.title, html


def record_page(
    request: HttpRequest,
    obj: Model,
    *,
    title: Any,
    kind: Any = "",
    number: Any = "",
    status: str = "status",
    facts: Sequence[Fact] = (),
    buttons: Sequence[Button] = (),
    tabs: Sequence[Tab] = (),
    cards: Sequence[Card] = (),
    back: tuple[Any, str] | None = None,
    icon: str = "",
    template: str = "screens/record.html",
    history: bool = True,
    **context: Any,
) -> HttpResponse:
    """A record page. Only the open tab is worked out; other rooms' parts (parts.py) stand among its own by `order`.

    `status` names the field shown as a badge, "" for none. `history=False` leaves the audit timeline out.
    """
    label, actor = obj._meta.label_lower, request.actor
    all_tabs = [tab for tab in tabs if _may(actor, tab.permission)]
    all_tabs += parts_of(label, Tab, actor)
    all_tabs[1:] = sorted(all_tabs[1:], key=lambda tab: tab.order)
    if history:
        all_tabs.append(Tab("history", _("History"), "screens/_timeline.html", timeline_context, icon="history"))
    asked = request.GET.get("tab", "")
    tab = next((tab for tab in all_tabs if tab.code == asked), all_tabs[0] if all_tabs else None)
    context |= {"obj": obj, "tab": tab, "tabs": all_tabs}
    if tab is not None and tab.context is not None:
        context |= tab.context(request, obj)
    if tab is not None and is_fragment(request, "tab"):
        return _respond(request, "screens/_tab.html", context)
    all_facts = [*facts]
    for part in parts_of(label, Facts, actor):
        all_facts += part.read(request, obj)
    usable = [
        button
        for button in sorted([*buttons, *parts_of(label, Button, actor)], key=lambda b: b.order)
        if _may(actor, button.permission) and (button.when is None or button.when(obj))
    ]
    primary = next((button for button in usable if button.primary), None)
    shown_cards = []
    for card in sorted([*cards, *parts_of(label, Card, actor)], key=lambda c: c.order):
        if _may(actor, card.permission):
            shown_cards.append(
                (
                    card,
                    render_to_string(
                        card.template, {"obj": obj, **(card.context(request, obj) if card.context else {})}, request
                    ),
                )
            )
    context = {
        "title": title,
        "kind": kind,
        "number": number,
        "status_field": status if status and hasattr(obj, status) else "",
        "facts": all_facts,
        "primary": _press(primary, obj) if primary else None,
        "menu": [_press(button, obj) for button in usable if button is not primary],
        "cards": shown_cards,
        "back": back,
        "icon": icon,
    } | context
    return _respond(request, template, context)


@dataclass(frozen=True)
class Press:
    """A Button that has found its object."""

    button: Button
    url: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.button, name)


def _press(button: Button, obj: Any) -> Press:
    return Press(button, button.href(obj))


def timeline_context(request: HttpRequest, obj: Model) -> dict[str, Any]:
    """The last things that happened to a record and to what belongs to it; older ones on demand."""
    from fiberledger.audit.models import Entry

    label = obj._meta.label_lower
    before = request.GET.get("older", "")
    trails = [audit.timeline(label, obj.pk)]
    for trail in parts_of(label, Trail, request.actor):
        if ids := [str(pk) for pk in trail.ids(obj)][:100]:
            trails.append(Entry.objects.filter(target_type=trail.target, target_id__in=ids).newest_first())
    found: list[Any] = []
    for entries in trails:
        if before.isdecimal() and len(before) < 19:
            entries = entries.filter(pk__lt=int(before))
        found += entries[:31]
    found.sort(key=lambda entry: -entry.pk)
    return {"entries": found[:30], "older": found[29].pk if len(found) > 30 else None, "own_type": label}


# --- forms ----------------------------------------------------------------------------------------------------


def make_form(form_class: type[BaseForm], request: HttpRequest, **kwargs: Any) -> Any:
    """The form, bound when something was sent. `actor` is handed to forms that ask for it."""
    if "actor" in inspect.signature(form_class.__init__).parameters:
        kwargs["actor"] = request.actor
    if request.method == "POST":
        return form_class(request.POST, request.FILES, **kwargs)
    return form_class(**kwargs)


def edit(request: HttpRequest, screen: Screen, pk: int | None = None, **context: Any) -> HttpResponse:
    """A Screen's form, for a new row or an old one. Saving is noted in the audit log."""
    form_class = screen.form
    if form_class is None:
        raise Http404
    actor = request.actor
    obj = get_object_or_404(base_rows(screen, actor), pk=pk) if pk is not None else None
    before = audit.snapshot(obj) if obj is not None else None
    initial = {} if obj is not None else {k: v for k, v in request.GET.items() if k in form_class.base_fields}
    form = make_form(form_class, request, instance=obj, initial=initial)
    if form.is_valid():
        try:
            with transaction.atomic():
                if hasattr(form, "save_as"):
                    saved = form.save_as(actor) or form.instance
                else:
                    saved = form.save()
                    audit.note(
                        actor,
                        f"{screen.model._meta.model_name}.{'changed' if pk else 'created'}",
                        saved,
                        before,
                        audit.snapshot(saved),
                    )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            toast(request, (CHANGED if pk else CREATED) % {"what": saved})
            if "another" in request.POST and not pk:
                return redirect(request.get_full_path())
            return redirect(back_to(request, url_of(saved) or screen.url("list")))
    one = str(screen.one)
    if obj is None:
        title = screen.new_label or _("New %(what)s") % {"what": one}
        back = (capfirst(str(screen.title)), screen.url("list"))
    else:
        title = _("Edit %(what)s") % {"what": obj}
        back = (str(obj), url_of(obj) or screen.url("list"))
    return form_page(
        request, form, title=title, back=back, another=obj is None, help=screen.help if obj is None else "", **context
    )


@dataclass
class FormSection:
    title: Any
    fields: list[Any]
    help: Any = ""


def form_sections(form: Any) -> list[FormSection]:
    """The form's visible fields in the sections its class declares; whatever it forgot comes last."""
    declared = getattr(form, "sections", None)
    visible = {bound.name: bound for bound in form.visible_fields()}
    if not declared:
        return [FormSection("", list(visible.values()))]
    shown, used = [], set()
    for title, names, *more in declared:
        bound = [visible[name] for name in names if name in visible]
        used |= set(names)
        if bound:
            shown.append(FormSection(title, bound, more[0] if more else ""))
    rest = [bound for name, bound in visible.items() if name not in used]
    if rest:
        shown.append(FormSection("" if not shown else _("More"), rest))
    return shown


def form_page(
    request: HttpRequest,
    form: Any,
    *,
    title: Any = "",
    submit: Any = "",
    back: tuple[Any, str] | str | None = None,
    template: str = "screens/form.html",
    another: bool = False,
    **context: Any,
) -> HttpResponse:
    """A page with a form: 200 when shown, 422 when it came back with errors, everything typed kept."""
    if isinstance(back, str):
        back = (_("Back"), back)
    form_template = template
    context = {
        "form": form,
        "title": title,
        "submit": submit or _("Save"),
        "back": back,
        "cancel_url": back_to(request, back[1] if back else ""),
        "another": another,
        "next": request.POST.get("next") or request.GET.get("next") or "",
    } | context
    if isinstance(form, BaseForm):
        context.setdefault("sections", form_sections(form))
        prepare(form)
        status = 422 if form.is_bound and not form.is_valid() else 200
    else:
        status = 200
    return _respond(request, form_template, context, status)


def prepare(form: Any) -> Any:
    """Put the focus where typing should begin: the first field with an error, else the first empty one."""
    fields = form.visible_fields()
    for bound in fields:
        if getattr(bound.field, "empty_label", None) == "---------":
            bound.field.empty_label = "–"
        elif (
            (choices := getattr(bound.field, "choices", None))
            and isinstance(choices, list)
            and choices[0] == ("", "---------")
        ):
            bound.field.choices = [("", "–"), *choices[1:]]
    wrong = next((bound for bound in fields if form.is_bound and bound.errors), None)
    kept = getattr(getattr(form, "instance", None), "pk", None)  # who came to change one thing finds it themselves
    first = wrong or (None if kept else next((bound for bound in fields if not bound.value()), None))
    if first is not None and not form.errors.get("__all__"):
        first.field.widget.attrs.setdefault("autofocus", True)
    return form


# --- long work ------------------------------------------------------------------------------------------------


def run_url(run: Any) -> str:
    """The page that shows how far a jobs.Run is."""
    return reverse("screens:run", args=[run.pk])


# --- a screen's urls ------------------------------------------------------------------------------------------


def screen_urls(screen: Screen, *, record: Any = None, new: Any = None, edit: Any = None) -> list:
    from fiberledger.identity.guards import staff

    # The names of this function's arguments are the words a room uses; the page functions have the same ones.
    edit_view, show = edit, globals()["edit"]
    sees = staff(screen.needs("view"))

    def view(function: Callable[..., HttpResponse], guard: Callable = sees) -> Callable[..., HttpResponse]:
        return guard(function)

    def listing(request):
        return show_list(request, screen)

    def one(request, pk):
        return show_one(request, screen, pk)

    def create(request):
        return show(request, screen)

    def change(request, pk):
        return show(request, screen, pk)

    def menu(request, pk):
        return row_menu(request, screen, pk)

    def choices(request, name):
        return filter_choices(request, screen, name)

    def bulk(request, code):
        return run_bulk(request, screen, code)

    def columns(request):
        return choose_columns(request, screen)

    def views(request):
        return save_view(request, screen)

    def forget(request, pk):
        return forget_view(request, screen, pk)

    def export(request):
        return start_export(request, screen)

    n = screen.name
    patterns = [
        path("", view(listing), name=f"{n}-list"),
        path("columns/", view(columns), name=f"{n}-columns"),
        path("views/", view(views), name=f"{n}-views"),
        path("views/<int:pk>/forget/", view(forget), name=f"{n}-view-forget"),
        path("choices/<slug:name>/", view(choices), name=f"{n}-choices"),
    ]
    if screen.exports:
        patterns.append(path("export/", view(export), name=f"{n}-export"))
    if screen.bulk:
        patterns.append(path("bulk/<slug:code>/", view(bulk), name=f"{n}-bulk"))
    if screen.form is not None and new is not False and (new or screen.needs("create") != "-"):
        patterns.append(path("new/", new or view(create, staff(screen.needs("create"))), name=f"{n}-new"))
    if screen.record:
        patterns.append(path("<int:pk>/", record or view(one), name=n))
        patterns.append(path("<int:pk>/menu/", view(menu), name=f"{n}-menu"))
    elif screen.buttons:
        patterns.append(path("<int:pk>/menu/", view(menu), name=f"{n}-menu"))
    if screen.form is not None and edit_view is not False and (edit_view or screen.needs("edit") != "-"):
        patterns.append(
            path("<int:pk>/edit/", edit_view or view(change, staff(screen.needs("edit"))), name=f"{n}-edit")
        )
    return patterns


def row_menu(request: HttpRequest, screen: Screen, pk: int) -> HttpResponse:
    """The menu of one row, fetched when it is opened: what one may do with this record."""
    obj = get_object_or_404(base_rows(screen, request.actor), pk=pk)
    actor = request.actor
    buttons = [*screen.buttons, *parts_of(obj._meta.label_lower, Button, actor)]
    if screen.may(actor, "edit") and screen.form is not None:
        try:
            buttons.append(Button(_("Edit"), screen.url("edit", pk), "pencil", order=90))
        except NoReverseMatch:
            pass
    usable = [
        _press(button, obj)
        for button in sorted(buttons, key=lambda b: b.order)
        if _may(actor, button.permission) and (button.when is None or button.when(obj))
    ]
    return _respond(
        request,
        "screens/_row_menu.html",
        {"obj": obj, "open_url": url_of(obj), "menu": usable, "next": request.headers.get("HX-Current-URL", "")},
    )


def filter_choices(request: HttpRequest, screen: Screen, name: str) -> HttpResponse:
    """What a key filter offers, fetched when its chip is opened and while one types in it."""
    spec = next((spec for spec in screen.bound_filters if spec.name == name and filters.is_lazy(spec)), None)
    if spec is None:
        raise Http404
    text = request.GET.get("of", "")[:80]
    chosen = [value for value in request.GET.getlist(name) if value]
    found = filters.options_of(spec, request, text)
    options = found[: filters.MOST_OPTIONS]
    # What is ticked stays in the list, whatever is searched for: it is part of the form.
    missing = set(chosen) - {value for value, _label in options}
    if missing and spec.kind == "key":
        ids = [int(value) for value in missing if value.isdecimal() and len(value) < 19]
        options = [
            (str(one.pk), str(one)) for one in filters._related(spec, request.actor).filter(pk__in=ids)
        ] + options
    elif missing:
        options = [option for option in filters.options_of(spec, request) if option[0] in missing] + options
    return _respond(
        request,
        "screens/_choices.html",
        {
            "name": name,
            "options": options,
            "chosen": chosen,
            "many": len(found) >= filters.MOST_OPTIONS,
            "of": text,
            "nullable": spec.kind == "key" and spec.field is not None and spec.field.null and not text,
        },
    )


def selection(request: HttpRequest, screen: Screen) -> QuerySet:
    """The rows a bulk form means: the ticked ones, or all that match the list's query, as far as the actor may see."""
    params = QueryDict(request.POST.get("query", "")[:4000])
    if request.POST.get("all") == "1":
        return rows_for(screen, request.actor, params, within=scope.current(request))
    ids = [int(pk) for pk in request.POST.getlist("pk") if pk.isdecimal() and len(pk) < 19]
    return base_rows(screen, request.actor).filter(pk__in=ids)


def run_bulk(request: HttpRequest, screen: Screen, code: str) -> HttpResponse:
    action = next((action for action in screen.bulk if action.code == code), None)
    if action is None or request.method != "POST":
        raise Http404
    if not _may(request.actor, action.permission):
        raise PermissionDenied
    back = f"{screen.url('list')}?{request.POST.get('query', '')}"
    rows = selection(request, screen)
    if request.POST.get("all") != "1" and not request.POST.getlist("pk"):
        toast(request, _("Tick the rows first."), "warn")
        return HttpResponseRedirect(back)
    try:
        with transaction.atomic():
            answer = action.run(request, rows)
    except Refusal as refusal:
        toast(request, refusal, "bad")
        answer = None
    return answer if isinstance(answer, HttpResponse) else HttpResponseRedirect(back)


def choose_columns(request: HttpRequest, screen: Screen) -> HttpResponse:
    """The dialog of columns and views when it is opened, and what was chosen in it."""
    from .models import SavedView

    mine = SavedView.objects.for_list(screen.key, request.actor.user_id)
    if request.method != "POST":
        own = next((view.columns for view in mine if not view.name and view.owner_id == request.actor.user_id), None)
        shown = chosen_columns(screen, own, request.actor)
        return _respond(
            request,
            "screens/_list_choices.html",
            {
                "columns": [(column, column in shown) for column in screen.columns_for(request.actor)],
                "own_views": [view for view in mine if view.name and view.owner_id == request.actor.user_id],
                "actions_url": screen.url("list"),
                "may_share": request.actor.may("screens.share_views"),
            },
        )
    back = f"{screen.url('list')}?{request.POST.get('query', '')}"
    known = {column.name for column in screen.bound_columns}
    chosen = [name for name in request.POST.getlist("column") if name in known]
    if request.actor.user_id:
        own = SavedView.objects.filter(screen=screen.key, owner_id=request.actor.user_id, name="")
        if "reset" in request.POST or not chosen:
            own.delete()
        elif not own.update(columns=chosen):
            SavedView.objects.create(screen=screen.key, owner_id=request.actor.user_id, columns=chosen)
    return HttpResponseRedirect(back)


def save_view(request: HttpRequest, screen: Screen) -> HttpResponse:
    from .models import SavedView

    query = QueryDict(request.POST.get("query", "")[:2000], mutable=True)
    for name in ("after", "before", "view", "in"):
        query.pop(name, None)
    name = request.POST.get("name", "").strip()[:60]
    shared = request.POST.get("shared") == "1" and request.actor.may("screens.share_views")
    if request.method != "POST" or not name or not request.actor.user_id:
        return HttpResponseRedirect(f"{screen.url('list')}?{query.urlencode()}")
    view, _created = SavedView.objects.update_or_create(
        screen=screen.key,
        owner_id=request.actor.user_id,
        name=name,
        defaults={"query": query.urlencode(), "is_shared": shared},
    )
    toast(request, _("The view “%(name)s” was saved.") % {"name": name})
    return HttpResponseRedirect(f"{screen.url('list')}?{query.urlencode()}{'&' if query else ''}view=v{view.pk}")


def forget_view(request: HttpRequest, screen: Screen, pk: int) -> HttpResponse:
    from .models import SavedView

    if request.method == "POST":
        view = get_object_or_404(SavedView, pk=pk, screen=screen.key, owner_id=request.actor.user_id)
        view.delete()
        toast(request, _("The view “%(name)s” was removed.") % {"name": view.name})
    return HttpResponseRedirect(screen.url("list"))


def start_export(request: HttpRequest, screen: Screen) -> HttpResponse:
    if request.method != "POST" or _exporter is None:
        raise Http404
    wanted = request.POST.get("format", "csv")
    if wanted not in dict(EXPORT_FORMATS):
        raise Http404
    try:
        return _exporter(request, screen, QueryDict(request.POST.get("query", "")[:4000]), wanted)
    except Refusal as refusal:
        toast(request, refusal, "bad")
        return HttpResponseRedirect(f"{screen.url('list')}?{request.POST.get('query', '')}")


def rows_said(count: int) -> str:
    return ngettext("%(n)s row", "%(n)s rows", count) % {"n": f"{count:,}"}
