"""The verbs of an import: receive → set_map → check → take → undo.

A pass reads the file row by row and settles it in parts of a few thousand, each in a transaction of its own that also moves
the checkpoint: after a crash the pass goes on behind it, and no row is taken twice. All-or-nothing is one transaction.
"""

from __future__ import annotations

import itertools
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import xlsxwriter
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, F
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs
from fiberledger.files import services as files
from fiberledger.tenancy import Refusal, current_tenant, current_tenant_id, tenant_scope

from . import mapping
from .cells import neutral, original
from .faults import Fault, remedy, said
from .importer import Collision, Importer, Verdict, importers
from .models import ColumnMap, ImportPart, ImportRow, ImportRun
from .readers import Sheet, open_sheet

log = logging.getLogger(__name__)

PART = 2_500
TRIES = 40  # each collision means that somebody else got on: two imports of one file may meet at every part
PREVIEW = 8
FAULT_COLUMNS = ("Fault", "What to do", "Row in file")

Told = Callable[[int, str | None], None]


# ---------------------------------------------------------------- receive and map


def receive(importer_code: str, source: Path, filename: str, *, by: Any, sheet: str = "") -> ImportRun:
    """Keep the file, read its header and guess the map. Raises Refusal (Unreadable) in words when it is no table."""
    importer = importers.get(importer_code)
    with open_sheet(source, sheet=sheet) as table:
        about = _look_at(table, importer)
        kept = _keep(source, filename, table.kind, by)
        run = ImportRun.objects.create(
            importer=importer_code,
            file=kept,
            filename=Path(filename).name[:200],
            sheet=table.sheet,
            sheets=table.sheets,
            rows=about["estimate"],
            actor_id=getattr(by, "user_id", None),
            actor_name=by.name,
            **{key: about[key] for key in ("columns", "header_line", "samples", "map")},
        )
    audit.note(by, "import.received", run, rows=run.rows)
    return run


_TYPES = {
    "csv": "text/csv",
    "xls": "application/vnd.ms-excel",
    "xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}


def _keep(source: Path, filename: str, kind: str, by: Any) -> Any:
    """A copy under the tenant's private files: the giver's own file stays where it is."""
    with tempfile.NamedTemporaryFile(prefix="fiberledger-import-", delete=False) as copy:
        with source.open("rb") as given:
            shutil.copyfileobj(given, copy, 1 << 20)
    return files.store_path(copy.name, Path(filename).name, _TYPES[kind], by=by)


def choose_sheet(run: ImportRun, sheet: str) -> ImportRun:
    """Read another sheet of the same workbook."""
    if run.is_busy or run.state == ImportRun.State.TAKEN:
        raise Refusal(_("This import is already under way."))
    with file_of(run) as path, open_sheet(path, sheet=sheet) as table:
        about = _look_at(table, importers.get(run.importer))
        run.sheet, run.rows = table.sheet, about["estimate"]
    for key in ("columns", "header_line", "samples", "map"):
        setattr(run, key, about[key])
    run.state = ImportRun.State.RECEIVED
    run.save(update_fields=["sheet", "rows", "columns", "header_line", "samples", "map", "state"])
    return run


def _look_at(table: Sheet, importer: Importer) -> dict[str, Any]:
    head = list(
        itertools.islice((row for row in table.rows() if not _is_blank(row[1])), mapping.HEADER_WITHIN + mapping.SAMPLE)
    )
    if not head:
        raise Refusal(_("The file is empty. Save the spreadsheet again and send it once more."))
    at = mapping.find_header(head, importer.fields)
    line, header = head[at]
    if mapping.is_a_row(header, importer.fields, current_tenant().country):  # nobody named the columns
        at, line, header = at - 1, line - 1, []
    body = [cells for _line, cells in head[at + 1 :]]
    if not body:
        raise Refusal(_("There is a header but no row below it."))
    # A column without a header still counts where rows have something in it.
    width = max(len(header), max(_filled(cells) for cells in body[: mapping.SAMPLE]))
    columns = mapping.name_columns([*header, *[""] * (width - len(header))])
    needed = [str(field.label) for field in importer.fields if field.required]
    if width < len(needed):
        raise Refusal(
            _(
                "Columns are needed for at least: %(needed)s. The table has only %(width)s. In a text file, separate the cells by commas, semicolons or tabs."
            )
            % {"width": width, "needed": ", ".join(needed)}
        )
    chosen = _saved_map(importer.code, columns) or mapping.guess(
        columns, body[: mapping.SAMPLE], importer.fields, current_tenant().country
    )
    secret = {
        columns.index(chosen[field.code]) for field in importer.fields if field.is_secret and field.code in chosen
    }
    return {
        "columns": columns,
        "header_line": line,
        "samples": [
            ["•••" if index in secret and cell else _plain(cell) for index, cell in enumerate(cells)]
            for cells in body[:6]
        ],
        "map": chosen,
        "estimate": max(table.estimate - at - 1, len(body)),
    }


def _filled(cells: Sequence[Any]) -> int:
    return max((index + 1 for index, cell in enumerate(cells) if cell != ""), default=0)


def _is_blank(cells: Sequence[Any]) -> bool:
    return not any(cell if type(cell) is not str else cell.strip() for cell in cells)


def _plain(cell: str | date) -> str:
    return cell if type(cell) is str else cell.isoformat()  # type: ignore[union-attr]


def _saved_map(importer_code: str, columns: Sequence[str]) -> dict[str, str] | None:
    """A kept map whose every column the file has: the last one used."""
    for saved in ColumnMap.objects.filter(importer=importer_code).order_by("-used_at")[:20]:
        if saved.columns and set(saved.columns.values()) <= set(columns):
            return saved.columns
    return None


def set_map(
    run: ImportRun, columns: dict[str, str], *, options: dict | None = None, keep_as: str = "", by: Any
) -> ImportRun:
    """Say which of their columns is which of our fields, and how the rows are to be taken.

    `options`: {"create_missing": [kinds], "all_or_nothing": bool}. Refuses a map that leaves a required field without a
    column, uses a column twice, or names one that is not in the file.
    """
    importer = importers.get(run.importer)
    known = {field.code: field for field in importer.fields}
    columns = {code: column for code, column in columns.items() if column}
    for code, column in columns.items():
        if code not in known:
            raise Refusal(_("There is no field called “%s”.") % code)
        if column not in run.columns:
            raise Refusal(_("The file has no column called “%s”.") % column)
    twice = [column for column in set(columns.values()) if list(columns.values()).count(column) > 1]
    if twice:
        raise Refusal(_("The column “%s” is used for two fields. Choose one.") % sorted(twice)[0])
    missing = [str(field.label) for field in importer.fields if field.required and field.code not in columns]
    if missing:
        raise Refusal(_("Say which column holds: %s.") % ", ".join(missing))
    options = dict(options or run.options)
    unknown = sorted(set(options.get("create_missing", [])) - set(importer.creatable))
    if unknown:
        raise Refusal(_("“%s” cannot be created by this import.") % unknown[0])
    if options.get("create_missing") and by.is_limited:
        raise Refusal(
            _("Places and plans are everybody's: whoever works for a part of the tenant cannot add any here.")
        )
    changed = (
        ImportRun.objects.filter(pk=run.pk, taken=0)
        .exclude(
            state__in=[ImportRun.State.CHECKING, ImportRun.State.TAKING, ImportRun.State.TAKEN, ImportRun.State.UNDOING]
        )
        .update(map=columns, options=options, state=ImportRun.State.RECEIVED, checkpoint=0, problem="")
    )
    if not changed:
        raise Refusal(_("This import is already under way."))
    if keep_as:
        ColumnMap.objects.update_or_create(
            importer=run.importer,
            name=keep_as[:80],
            defaults={"columns": columns, "saved_by": by.name, "used_at": calendar.now()},
        )
    run.refresh_from_db()
    return run


# ---------------------------------------------------------------- jobs that do it


def start_check(run: ImportRun, *, by: Any) -> ImportRun:
    """Have every row checked in the background; nothing is written but the verdicts."""
    return _start(run, "imports.check", ImportRun.State.CHECKING, _("Check %s"), by=by)


def start_take(run: ImportRun, *, by: Any) -> ImportRun:
    """Have the good rows taken in the background. All-or-nothing refuses while a row has a fault."""
    if run.options.get("all_or_nothing") and run.faulty:
        raise Refusal(
            _("%s rows have a fault, and this import is all or nothing. Correct them, or take the good rows only.")
            % run.faulty
        )
    if run.state == ImportRun.State.TAKEN:
        raise Refusal(_("This import was already taken."))
    return _start(run, "imports.take", ImportRun.State.TAKING, _("Import %s"), by=by)


def start_undo(run: ImportRun, *, by: Any) -> ImportRun:
    """Have everything this import created withdrawn, while nothing depends on it. Refuses naming what does."""
    if not run.can_be_undone:
        raise Refusal(_("There is nothing to undo."))
    refuse_if_depended_on(run)
    return _start(run, "imports.undo", ImportRun.State.UNDOING, _("Undo %s"), by=by)


def _start(run: ImportRun, job: str, state: str, title: str, *, by: Any) -> ImportRun:
    free = [ImportRun.State.RECEIVED, ImportRun.State.CHECKED, ImportRun.State.FAILED]
    if job == "imports.undo":
        free.append(ImportRun.State.TAKEN)
    if not ImportRun.objects.filter(pk=run.pk, state__in=free).update(state=state, problem=""):
        raise Refusal(_("This import is already under way."))
    work = jobs.start_run(
        "import",
        title % run.filename,
        job,
        by=by,
        url=f"/imports/{run.pk}/",
        total=run.rows,
        import_id=run.pk,
        ip=by.ip,
    )
    ImportRun.objects.filter(pk=run.pk).update(run=work, actor_id=getattr(by, "user_id", None), actor_name=by.name)
    run.refresh_from_db()
    return run


# ---------------------------------------------------------------- the passes


class _Faulty(Exception):
    """An all-or-nothing pass met a fault."""


def check(
    tenant_id: int,
    import_id: int,
    *,
    by: Any,
    report: Callable[[int, int], None] | None = None,
    told: Told | None = None,
) -> None:
    """Give every row its verdict; write the faulty ones down. Open no scope around it."""
    _begin(tenant_id, import_id, ImportRun.State.CHECKING)
    _go(tenant_id, import_id, write=False, by=by, report=report, told=told)
    with tenant_scope(tenant_id):
        ImportRun.objects.filter(pk=import_id).update(state=ImportRun.State.CHECKED)


def take(
    tenant_id: int,
    import_id: int,
    *,
    by: Any,
    report: Callable[[int, int], None] | None = None,
    told: Told | None = None,
) -> None:
    """Check every row again and take the good ones. Open no scope around it. Goes on where a crash left it.

    Raises Refusal when the import is all or nothing and a row has a fault: then nothing was taken, and the faults are
    there to be seen.
    """
    options = _begin(tenant_id, import_id, ImportRun.State.TAKING)
    if options.get("all_or_nothing"):
        try:
            with tenant_scope(tenant_id):
                _go(tenant_id, import_id, write=True, by=by, report=report, told=None, whole=True)
                _finish(import_id, by)
        except _Faulty:
            check(tenant_id, import_id, by=by, told=told)
            with tenant_scope(tenant_id):
                faulty = ImportRun.objects.values_list("faulty", flat=True).get(pk=import_id)
            raise Refusal(
                _("Nothing was taken: %s rows have a fault, and this import is all or nothing.") % faulty
            ) from None
        return
    for attempt in range(TRIES):
        try:
            _go(tenant_id, import_id, write=True, by=by, report=report, told=told)
            break
        except (IntegrityError, Collision) as error:
            # Somebody registered the same number or phone between our look and our writing. The checkpoint holds
            # what was settled; the rest is looked at again, and finds the newcomer.
            if attempt == TRIES - 1 and isinstance(error.__cause__, Refusal):
                raise error.__cause__ from None
            if attempt == TRIES - 1 or connection.in_atomic_block:
                raise
            log.info("import %s collided with another writer; going on from its checkpoint", import_id)
    with tenant_scope(tenant_id):
        _finish(import_id, by)


def _begin(tenant_id: int, import_id: int, state: str) -> dict:
    with tenant_scope(tenant_id):
        ImportRun.objects.filter(pk=import_id).update(state=state)
        return ImportRun.objects.values_list("options", flat=True).get(pk=import_id)


def _finish(import_id: int, by: Any) -> None:
    ImportRun.objects.filter(pk=import_id).update(state=ImportRun.State.TAKEN, taken_at=calendar.now())
    run = ImportRun.objects.get(pk=import_id)
    audit.note(by, "import.taken", run, taken=run.taken, faulty=run.faulty, already_here=run.here, created=run.created)


def _go(
    tenant_id: int,
    import_id: int,
    *,
    write: bool,
    by: Any,
    report: Any = None,
    told: Told | None = None,
    whole: bool = False,
) -> None:
    with tenant_scope(tenant_id):
        run = ImportRun.objects.get(pk=import_id)
        importer = importers.get(run.importer)
        context = importer.open(run.options, by=by)
        settled = run.checkpoint if write else 0
        known_bad: set[int] = set()
        if settled:
            known_bad = set(ImportRow.objects.filter(import_run=run).values_list("line", flat=True))
        else:
            ImportRow.objects.filter(import_run=run).delete()
            ImportRun.objects.filter(pk=run.pk).update(
                good=0, faulty=0, here=0, taken=0, preview=[], created={}, checkpoint=0
            )
        total = run.rows
    seen, refresh_at = 0, 1_000
    with file_of(run) as path, open_sheet(path, sheet=run.sheet) as table:
        for rows, read in _ahead(_parts(_rows_of(table, run), PART), lambda part: importer.read(context, _pairs(part))):
            cut = sum(1 for row in rows if row[0] <= settled)
            if cut:
                _pass_over(importer, context, rows[:cut], read[:cut], known_bad, told)
            if fresh := rows[cut:]:
                with tenant_scope(tenant_id):
                    _settle(
                        run, importer, context, fresh, read[cut:], settled, write=write, by=by, told=told, whole=whole
                    )
                settled = fresh[-1][0]
            seen += len(rows)
            if write and seen >= refresh_at:
                with tenant_scope(tenant_id), connection.cursor() as cursor:
                    cursor.execute("SELECT imports_refresh_statistics(%s)", [list(importer.tables)])
                refresh_at = seen * 6
            if report:
                report(seen, max(total, seen))
    with tenant_scope(tenant_id):
        if write:
            importer.done(context, by=by, run_id=import_id)
        ImportRun.objects.filter(pk=import_id).update(rows=seen)


def _pairs(rows: list) -> list[tuple[int, dict]]:
    return [(line, cells) for line, cells, _raw, _long in rows]


def _ahead(parts: Iterable[list], prepare: Callable[[list], list]) -> Iterator[tuple[list, list]]:
    """Each part with what `prepare` makes of it: read and prepared while PostgreSQL is busy with the part before."""
    parts, language = iter(parts), get_language()

    def step() -> tuple[list, list] | None:
        with override(language):
            part = next(parts, None)
            return None if part is None else (part, prepare(part))

    with ThreadPoolExecutor(1, thread_name_prefix="import") as pool:
        waiting = pool.submit(step)
        while (done := waiting.result()) is not None:
            waiting = pool.submit(step)
            yield done


def _pass_over(
    importer: Importer, context: Any, rows: list, read: list, known_bad: set[int], told: Told | None
) -> None:
    """Rows that an earlier, interrupted pass settled: they are only remembered."""
    importer.skip(context, [one for row, one in zip(rows, read, strict=True) if row[0] not in known_bad])
    if told:
        words = (
            dict(ImportRow.objects.filter(line__in=[r[0] for r in rows]).values_list("line", "word"))
            if known_bad
            else {}
        )
        for line, *_rest in rows:
            told(line, words.get(line))


def _settle(
    run: ImportRun,
    importer: Importer,
    context: Any,
    rows: list,
    read: list,
    settled: int,
    *,
    write: bool,
    by: Any,
    told: Any,
    whole: bool,
) -> None:
    verdicts = importer.check(context, read)
    for verdict, (_line, _cells, _raw, too_long) in zip(verdicts, rows, strict=True):
        if too_long:
            verdict.faults.append(Fault("row too long", "", too_long))
    faulty = [(verdict, row[2]) for verdict, row in zip(verdicts, rows, strict=True) if verdict.faults]
    if whole and faulty:
        raise _Faulty
    here = sum(1 for verdict in verdicts if verdict.here and not verdict.faults)
    good = [verdict.value for verdict in verdicts if not verdict.here and not verdict.faults]
    _write_faults(run.pk, faulty)
    created: dict[str, list[int]] = {}
    if write and good:
        created = importer.take(context, good, by=by, run_id=run.pk)
        ImportPart.objects.create(import_run=run, last_line=rows[-1][0], created=created)
    for model, ids in created.items():
        run.created[model] = run.created.get(model, 0) + len(ids)
    if len(run.preview) < PREVIEW:
        run.preview += [importer.show(value) for value in good[: PREVIEW - len(run.preview)]]
    moved = ImportRun.objects.filter(pk=run.pk, checkpoint=settled if write else 0).update(
        good=F("good") + len(good),
        faulty=F("faulty") + len(faulty),
        here=F("here") + here,
        taken=F("taken") + (len(good) if write else 0),
        created=run.created,
        preview=run.preview,
        checkpoint=rows[-1][0] if write else 0,
    )
    if not moved:
        raise Refusal(_("Somebody else is taking this import just now."))
    if told:
        for verdict in verdicts:
            told(verdict.line, verdict.faults[0].word if verdict.faults else None)


def _write_faults(run_id: int, faulty: list[tuple[Verdict, list[str | date]]]) -> None:
    if not faulty:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO imports_importrow (tenant_id, import_run_id, line, word, faults, cells)
               SELECT %s, %s, r.line, r.word, r.faults, ARRAY(SELECT jsonb_array_elements_text(r.cells))
                 FROM unnest(%s::int[], %s::text[], %s::jsonb[], %s::jsonb[]) AS r (line, word, faults, cells)""",
            [
                current_tenant_id(),
                run_id,
                [verdict.line for verdict, _raw in faulty],
                [verdict.faults[0].word for verdict, _raw in faulty],
                [json.dumps([fault.as_list() for fault in verdict.faults]) for verdict, _raw in faulty],
                [json.dumps([_plain(cell) for cell in raw]) for _verdict, raw in faulty],
            ],
        )


def _rows_of(table: Sheet, run: ImportRun) -> Iterator[tuple[int, dict[str, Any], list[str], str]]:
    """(line, {our field: cell}, the row as it stands, what stands beyond the header)."""
    width = len(run.columns)
    places = [(code, run.columns.index(column)) for code, column in run.map.items()]
    for line, cells in table.rows():
        if line <= run.header_line:
            continue
        count = len(cells)
        row = {code: _read(cells[index]) if index < count else "" for code, index in places}
        if _is_blank(cells):
            continue
        yield line, row, cells, ", ".join(_plain(c) for c in cells[width:]) if count > width else ""  # type: ignore[misc]


def _read(cell: Any) -> Any:
    return original(cell) if type(cell) is str and cell[:1] == "'" else cell


def _parts(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rows = iter(rows)
    while part := list(itertools.islice(rows, size)):
        yield part


@contextmanager
def file_of(run: ImportRun) -> Iterator[Path]:
    """The kept file, on disk."""
    with tenant_scope(run.tenant_id):  # type: ignore[arg-type]
        path = files.path_of(run.file)
    if not path.exists():
        raise Refusal(_("The file is gone. Send it again."))
    yield path


# ---------------------------------------------------------------- undo


def _created(run: ImportRun) -> dict[str, list[int]]:
    created: dict[str, list[int]] = {}
    for part in ImportPart.objects.filter(import_run=run).values_list("created", flat=True):
        for model, ids in part.items():
            created.setdefault(model, []).extend(ids)
    return created


def refuse_if_depended_on(run: ImportRun) -> None:
    reasons = importers.get(run.importer).dependants(_created(run))
    if reasons:
        raise Refusal(_("This import cannot be undone any more: %s.") % "; ".join(reasons))


@transaction.atomic
def undo(run: ImportRun, *, by: Any) -> None:
    """Withdraw all that this import created, in one transaction. Refuses, naming it, when anything depends on it."""
    run = ImportRun.objects.select_for_update(no_key=True).get(pk=run.pk)
    if run.state == ImportRun.State.UNDONE:
        return
    refuse_if_depended_on(run)
    importers.get(run.importer).undo(_created(run), by=by, run_id=run.pk)
    ImportPart.objects.filter(import_run=run).delete()
    ImportRun.objects.filter(pk=run.pk).update(state=ImportRun.State.UNDONE, taken=0, checkpoint=0)
    audit.note(by, "import.undone", run, withdrawn=run.created)


# ---------------------------------------------------------------- questions


def counts_by_word(run: ImportRun) -> list[tuple[str, int]]:
    """(fault word, rows), most frequent first."""
    return list(
        ImportRow.objects.filter(import_run=run).values_list("word").annotate(n=Count("id")).order_by("-n", "word")
    )


def same_file(run: ImportRun) -> ImportRun | None:
    """An earlier import of the very same bytes that was taken and stands."""
    return (
        ImportRun.objects.filter(
            importer=run.importer, file__sha256=run.file.sha256, state=ImportRun.State.TAKEN, pk__lt=run.pk
        )
        .newest_first()
        .first()
    )


def write_error_file(run: ImportRun, target: Path, format: str) -> None:
    """The faulty rows as they came, with what is wrong and what to do behind them: correct them and send the file again."""
    importer = importers.get(run.importer)
    width = len(run.columns)
    header = [*run.columns, *FAULT_COLUMNS]

    def lines() -> Iterator[list[str]]:
        rows = ImportRow.objects.filter(import_run=run).order_by("line").values_list("line", "faults", "cells")
        for line, faults, cells in rows.iterator(chunk_size=2_000):
            cells = [neutral(cell) for cell in cells]
            cells = [*cells, *[""] * (width - len(cells))][: max(width, len(cells))]
            words = "; ".join(said(word, importer) for word, _field, _value in faults)
            remedies = " ".join(dict.fromkeys(remedy(word, importer) for word, _field, _value in faults))
            yield [*cells[:width], words, remedies, str(line), *cells[width:]]

    if format == "csv":
        import csv

        with target.open("w", encoding="utf-8-sig", newline="") as out:
            writer = csv.writer(out)
            writer.writerow([neutral(name) for name in header])
            writer.writerows(lines())
        return
    with tempfile.TemporaryDirectory(prefix="fiberledger-") as place:
        book = xlsxwriter.Workbook(str(target), {"constant_memory": True, "tmpdir": place})
        sheet = book.add_worksheet(_("Faulty rows")[:31])
        bold = book.add_format({"bold": True})
        red = book.add_format({"font_color": "#b00020"})
        sheet.freeze_panes(1, 0)
        for index, name in enumerate(header):
            sheet.write_string(0, index, neutral(name), bold)
        for number, cells in enumerate(lines(), start=1):
            for index, cell in enumerate(cells):
                if cell:
                    sheet.write_string(number, index, cell, red if index == width else None)
        book.close()


def discard(run: ImportRun, *, by: Any) -> None:
    """Forget an import that took nothing, with its file. Refuses one that did: that one has to be undone first."""
    if run.taken or run.is_busy:
        raise Refusal(_("This import took rows; undo it first."))
    kept = run.file
    pk = run.pk
    run.delete()
    run.pk = pk
    files.discard(kept)
    audit.note(by, "import.discarded", run)
