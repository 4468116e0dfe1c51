from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from fiberledger import screens
from fiberledger.identity.guards import staff
from fiberledger.tenancy import Refusal

from . import services
from .faults import remedy, said
from .forms import MapForm, UploadForm
from .importer import importers
from .models import ImportRow, ImportRun

ROWS_A_PAGE = 50


def _seen(request: HttpRequest, pk: int) -> ImportRun:
    """The import, if this actor may know of it."""
    return get_object_or_404(ImportRun.objects.visible_to(request.actor).select_related("run"), pk=pk)


@staff("imports.take")
def upload(request: HttpRequest) -> HttpResponse:
    """Send a spreadsheet: it is read at once as far as its columns, or refused in words."""
    kind = request.GET.get("kind", "")
    form = UploadForm(request.POST or None, request.FILES or None, initial={"kind": kind} if kind else None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            with _on_disk(file) as path:
                run = services.receive(form.cleaned_data["kind"], path, file.name, by=request.actor)
            return redirect("imports:map", run.pk)
        except Refusal as refusal:
            form.add_error("file", str(refusal))
    return screens.form_page(
        request, form, title=_("Import a spreadsheet"), submit=_("Read the file"), template="screens/task.html",
        back=(_("Imports"), reverse("imports:importrun-list")),
    )  # fmt: skip


class _on_disk:
    """An uploaded file as a path: large ones are on disk already."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.made: Path | None = None

    def __enter__(self) -> Path:
        if hasattr(self.file, "temporary_file_path"):
            return Path(self.file.temporary_file_path())
        with tempfile.NamedTemporaryFile(prefix="fiberledger-import-", delete=False) as out:
            for piece in self.file.chunks():
                out.write(piece)
        self.made = Path(out.name)
        return self.made

    def __exit__(self, *error: object) -> None:
        if self.made:
            self.made.unlink(missing_ok=True)


@staff("imports.take")
def map_columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Say which column is which; the guess is filled in. Then every row is checked."""
    run = _seen(request, pk)
    if run.is_busy or run.taken or run.state in (ImportRun.State.TAKEN, ImportRun.State.UNDONE):
        return redirect("imports:importrun", run.pk)
    if request.method == "POST" and "sheet" in request.POST:
        try:
            services.choose_sheet(run, request.POST["sheet"])
        except Refusal as refusal:
            screens.toast(request, refusal, "bad")
        return redirect("imports:map", run.pk)
    form = MapForm(request.POST or None, run=run, actor=request.actor)
    if form.is_valid():
        try:
            run = services.set_map(
                run,
                form.chosen_map,
                options=form.chosen_options,
                keep_as=form.cleaned_data["keep_as"],
                by=request.actor,
            )
            services.start_check(run, by=request.actor)
            return redirect("imports:importrun", run.pk)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
    return screens.form_page(
        request, form, title=run.filename, submit=_("Check every row"), template="imports/map.html", run=run,
        back=(_("Imports"), reverse("imports:importrun-list")), earlier=services.same_file(run),
        help=_("We guessed which column is which. Correct what is wrong; nothing is stored yet."),
    )  # fmt: skip


@staff("imports.view")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """How far an import is, every row's verdict, and what can be done next."""
    run = _seen(request, pk)
    if run.state == ImportRun.State.RECEIVED and request.actor.may("imports.take"):
        return redirect("imports:map", run.pk)
    importer = importers.get(run.importer)
    word = request.GET.get("fault", "")
    rows = ImportRow.objects.filter(import_run=run).order_by("line")
    if word:
        rows = rows.filter(word=word)
    page = Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page"))
    labels = {field.code: str(field.label) for field in importer.fields}
    columns = {code: run.columns.index(column) for code, column in run.map.items() if column in run.columns}
    shown_columns = [code for code in ("number", "name", "phone") if code in columns] or list(columns)[:2]
    context = {
        "run": run,
        "importer": importer,
        "title": run.filename,
        "back": (_("Imports"), reverse("imports:importrun-list")),
        "work": run.run if run.is_busy or run.state == ImportRun.State.FAILED else None,
        "words": [(code, said(code, importer), count) for code, count in services.counts_by_word(run)],
        "chosen": word,
        "page": page,
        "heads": [labels[code] for code in shown_columns],
        "faulty_rows": [_shown(row, importer, labels, {code: columns[code] for code in shown_columns}) for row in page],
        "preview_heads": [(code, label) for code, label in labels.items() if any(code in seen for seen in run.preview)],
        "preview": run.preview,
        "earlier": services.same_file(run) if run.state == ImportRun.State.CHECKED else None,
        "may_take": request.actor.may("imports.take"),
        "may_undo": request.actor.may("imports.undo") and run.can_be_undone,
        "is_blocked": bool(run.options.get("all_or_nothing") and run.faulty),
        "created": [(_NAMES.get(model, model), count) for model, count in run.created.items()],
    }
    return screens.respond(request, "imports/show.html", context)


_NAMES = {
    "subscribers.subscriber": gettext_lazy("Subscribers"),
    "subscriptions.subscription": gettext_lazy("Subscriptions"),
    "access.accessaccount": gettext_lazy("Logins"),
    "places.area": gettext_lazy("Places"),
    "catalog.plan": gettext_lazy("Plans"),
    "subscribers.tag": gettext_lazy("Tags"),
    "subscribers.note": gettext_lazy("Notes"),
}


def _shown(row: ImportRow, importer: Any, labels: dict[str, str], places: dict[str, int]) -> dict[str, Any]:
    return {
        "line": row.line,
        "cells": [(labels[code], row.cells[place] if place < len(row.cells) else "") for code, place in places.items()],
        "faults": [
            {
                "field": labels.get(field, ""),
                "what": said(word, importer),
                "value": value.strip(),
                "remedy": remedy(word, importer),
            }
            for word, field, value in row.faults
        ],
    }


def _do(request: HttpRequest, pk: int, verb: Any, done: str = "") -> HttpResponse:
    run = _seen(request, pk)
    try:
        verb(run, by=request.actor)
        if done:
            screens.toast(request, done)
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
    return redirect("imports:importrun", pk)


@require_POST
@staff("imports.take")
def take(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the good rows."""
    return _do(request, pk, services.start_take)


@require_POST
@staff("imports.take")
def check_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Check every row once more: plans or places may have been added since."""
    return _do(request, pk, services.start_check)


@require_POST
@staff("imports.undo")
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw the whole import."""
    return _do(request, pk, services.start_undo)


@require_POST
@staff("imports.take")
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a file of which nothing was taken."""
    run = _seen(request, pk)
    try:
        services.discard(run, by=request.actor)
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
        return redirect("imports:importrun", pk)
    screens.toast(request, _("The file was discarded."))
    return redirect("imports:importrun-list")


@staff("imports.view")
def error_file(request: HttpRequest, pk: int, format: str) -> HttpResponseBase:
    """The faulty rows with what to do, to be corrected and sent again."""
    run = _seen(request, pk)
    if format not in ("xlsx", "csv"):
        raise Http404
    out = tempfile.NamedTemporaryFile(prefix="fiberledger-errors-", suffix=f".{format}")
    services.write_error_file(run, Path(out.name), format)
    out.seek(0)
    stem = Path(run.filename).stem
    return FileResponse(Path(out.name).open("rb"), as_attachment=True, filename=f"{stem} - {_('to correct')}.{format}")
