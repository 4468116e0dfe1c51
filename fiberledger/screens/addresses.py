"""A Screen's addresses, and the one of a job that runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.urls import path, reverse

from .form_pages import edit as show_form
from .list_actions import choose_columns, filter_choices, forget_view, row_menu, run_bulk, save_view, start_export
from .lists import list_page
from .records import show_one
from .screen import Screen


def run_url(run: Any) -> str:
    """The page that shows how far a jobs.Run is."""
    return reverse("screens:run", args=[run.pk])


def screen_urls(screen: Screen, *, record: Any = None, new: Any = None, edit: Any = None) -> list:
    from fiberledger.identity.guards import staff

    sees = staff(screen.needs("view"))

    def view(function: Callable[..., HttpResponse], guard: Callable = sees) -> Callable[..., HttpResponse]:
        return guard(function)

    def listing(request):
        return list_page(request, screen)

    def one(request, pk):
        return show_one(request, screen, pk)

    def create(request):
        return show_form(request, screen)

    def change(request, pk):
        return show_form(request, screen, pk)

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
    if screen.form is not None and edit is not False and (edit or screen.needs("edit") != "-"):
        patterns.append(path("<int:pk>/edit/", edit or view(change, staff(screen.needs("edit"))), name=f"{n}-edit"))
    return patterns
