"""What one does on a list: a row's menu, choices of a filter, bulk actions, columns, saved views, exports."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import NoReverseMatch
from django.utils.translation import gettext as _

from fiberledger.tenancy import Refusal

from . import filters
from .answering import respond, toast
from .records import press
from .registry import Button, _may, parts_of
from .rows import base_rows, chosen_columns, selection
from .screen import EXPORT_FORMATS, Screen, url_of

Exporter = Callable[[HttpRequest, Screen, QueryDict, str], HttpResponse]


_exporter: Exporter | None = None


def can_export() -> bool:
    return _exporter is not None


def use_exporter(exporter: Exporter) -> None:
    """Called once by the exports room: `exporter(request, screen, params, format)` starts the job and answers."""
    global _exporter
    _exporter = exporter


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
        press(button, obj)
        for button in sorted(buttons, key=lambda b: b.order)
        if _may(actor, button.permission) and (button.when is None or button.when(obj))
    ]
    return respond(
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
    return respond(
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
        return respond(
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
