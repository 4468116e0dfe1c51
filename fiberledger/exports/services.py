from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs, paper, screens
from fiberledger.files import services as files
from fiberledger.files.models import File
from fiberledger.identity import Actor, permissions
from fiberledger.jobs.models import Run
from fiberledger.screens import scope
from fiberledger.tenancy import Refusal, current_tenant
from fiberledger.tenancy.models import Profile

from . import sheets

AT_ONCE = 2_000  # rows that are written while one waits
MOST_ON_PAPER = 5_000
CHUNK = 2_000
KEPT_FOR = timedelta(days=7)

PDF = "application/pdf"
KINDS = {"csv": sheets.CSV, "xlsx": sheets.XLSX, "pdf": PDF}


def start(request: HttpRequest, screen: Any, params: QueryDict, format: str) -> HttpResponseBase:
    """Export what the list at this address shows to this actor: a short one at once, a long one as a job that one may
    leave. Raises Refusal where the actor may not, or a PDF would be a book."""
    actor = request.actor
    refuse_unless_allowed(screen, actor)
    within = scope.current(request)
    queryset = screens.rows_for(screen, actor, params, within=within)
    many = queryset.order_by().select_related(None)[: MOST_ON_PAPER + 1].count()
    if format == "pdf" and many > MOST_ON_PAPER:
        raise Refusal(
            _("A PDF holds at most %(rows)s rows. Narrow the list, or export it as Excel or CSV.")
            % {"rows": f"{MOST_ON_PAPER:,}"}
        )
    columns = _columns(screen, params, actor)
    if many <= AT_ONCE and (format != "pdf" or many <= AT_ONCE // 4):
        out = tempfile.NamedTemporaryFile(prefix="fiberledger-export-")
        write(Path(out.name), format, screen, columns, queryset.iterator(CHUNK))
        _note(actor, screen, format, many)
        return FileResponse(
            Path(out.name).open("rb"),
            as_attachment=True,
            filename=file_name(screen, format),
            content_type=KINDS[format],
        )
    run = jobs.start_run(
        "export",
        _("Export %s") % screen.title,
        "exports.write",
        by=actor,
        total=0 if many > MOST_ON_PAPER else many,
        screen=screen.key,
        query=params.urlencode(),
        format=format,
        within=[within.code, within.label, within.path],
        ip=actor.ip,
        language=get_language(),
    )
    Run.objects.filter(pk=run.pk).update(url=reverse("exports:download", args=[run.pk]))
    return HttpResponseRedirect(screens.run_url(run))


def refuse_unless_allowed(screen: Any, actor: Actor) -> None:
    """Where a room has a permission to export its list, the actor needs it."""
    needed = f"{screen.permission}.export"
    if needed in permissions.all() and not actor.may(needed):
        raise Refusal(_("Exporting this list needs someone with that permission."))


def _columns(screen: Any, params: QueryDict, actor: Actor) -> Sequence[Any]:
    """The columns the address names, else all; never one that the actor may not see."""
    allowed = screen.columns_for(actor)
    wanted = [name for name in params.get("columns", "").split(",") if name]
    named = [column for name in wanted if (column := screen.column(name)) in allowed]
    return named or allowed


def values_of(columns: Sequence[Any], rows: Any, report: Any = None) -> Iterator[list[Any]]:
    for count, row in enumerate(rows, start=1):
        yield [column.text(row) if column.choices is not None else column.value(row) for column in columns]
        if report and count % CHUNK == 0:
            report(count)


def write(path: Path, format: str, screen: Any, columns: Sequence[Any], rows: Any, report: Any = None) -> int:
    """Write a list's rows into a file; returns how many."""
    titles = [column.title for column in columns]
    if format == "pdf":
        shown = tuple(tuple(column.text(row) for column in columns) for row in rows)
        path.write_bytes(paper.render(_as_paper(screen, columns, shown), language=get_language() or "en"))
        return len(shown)
    if format == "xlsx":
        with path.open("wb") as out:
            return sheets.write_xlsx(out, titles, values_of(columns, rows, report), title=str(screen.title))
    return sheets.write_to(path, format, titles, values_of(columns, rows, report))


def _as_paper(screen: Any, columns: Sequence[Any], rows: tuple[tuple[str, ...], ...]) -> paper.Report:
    profile = Profile.objects.first()
    return paper.Report(
        title=str(screen.title).capitalize(),
        seller=paper.Party(
            profile.legal_name if profile else current_tenant().name, color=profile.brand_color if profile else ""
        ),
        columns=tuple(paper.Column(column.title, column.end) for column in columns),
        rows=rows,
        facts=(
            (_("Printed"), calendar.local(calendar.now()).strftime("%Y-%m-%d %H:%M")),
            (_("Rows"), f"{len(rows):,}"),
        ),
        landscape=len(columns) > 6,
    )


def file_name(screen: Any, format: str) -> str:
    return f"{slugify(str(screen.title)) or screen.name}-{calendar.today():%Y%m%d}.{format}"


def _note(actor: Any, screen: Any, format: str, rows: int) -> None:
    audit.note(actor, "list.exported", None, list=screen.key, format=format, rows=rows)


def keep(path: Path, screen: Any, format: str, rows: int, *, by: Any) -> File:
    """Keep a finished export among the private files."""
    _note(by, screen, format, rows)
    return files.store_path(path, file_name(screen, format), KINDS[format], by=by)


def forget_old() -> int:
    """Drop exports a week after they were made: they hold people's data, and can be made again."""
    old = Run.objects.filter(kind="export", ended_at__lt=calendar.now() - KEPT_FOR, result__has_key="file_id")
    count = 0
    for run in old:
        if file := File.objects.filter(pk=run.result["file_id"]).first():
            files.discard(file)
            count += 1
        Run.objects.filter(pk=run.pk).update(
            result={key: value for key, value in run.result.items() if key != "file_id"}, url=""
        )
    return count
