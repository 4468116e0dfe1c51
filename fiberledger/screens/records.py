"""The record page: facts, buttons, tabs that load when opened, cards, and the timeline of what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from fiberledger import audit

from . import cells
from .answering import is_fragment, respond
from .registry import Button, Card, Fact, Facts, Tab, Trail, _may, parts_of
from .rows import base_rows
from .screen import Screen, bind_column, find_screen, has_field, url_of


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

    `status` names the field shown as a badge, "" for none. `history=False` leaves the audit timeline out. `back` and
    `icon` are those of the model's Screen unless given.
    """
    label, actor = obj._meta.label_lower, request.actor
    if screen := find_screen(type(obj)):
        back, icon = back or (capfirst(str(screen.title)), screen.url("list")), icon or screen.icon
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
        return respond(request, "screens/_tab.html", context)
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
            said = {"obj": obj, **(card.context(request, obj) if card.context else {})}
            if (html := render_to_string(card.template, said, request)).strip():
                shown_cards.append((card, html))
    context = {
        "title": title,
        "kind": kind,
        "number": number,
        "status_field": status if status and hasattr(obj, status) else "",
        "facts": all_facts,
        "primary": press(primary, obj) if primary else None,
        "menu": [press(button, obj) for button in usable if button is not primary],
        "cards": shown_cards,
        "back": back,
        "icon": icon,
    } | context
    return respond(request, template, context)


@dataclass(frozen=True)
class Press:
    """A Button that has found its object."""

    button: Button
    url: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.button, name)


def press(button: Button, obj: Any) -> Press:
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
