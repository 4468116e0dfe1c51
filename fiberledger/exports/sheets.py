"""Rows into CSV and XLSX. Rows are streamed; text that a spreadsheet would take for a formula is neutralised."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import xlsxwriter

from fiberledger import calendar
from fiberledger.imports.cells import neutral
from fiberledger.money import Money
from fiberledger.tenancy import NoTenantInScope

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MOST_ROWS = 1_048_576
_CHARACTERS = 32_767


def text_of(value: Any) -> str:
    """A value as a CSV cell: exact numbers, ISO dates, instants in the tenant's zone."""
    if value is None or value == "":
        return ""
    if type(value) is str:
        return neutral(value)
    if isinstance(value, Money):
        value = value.amount
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Decimal):
        whole, point, rest = f"{value:f}".partition(".")
        return whole + point + rest[:2] + rest[2:].rstrip("0")  # 1200.0000 is how it is stored, not how it is written
    if isinstance(value, datetime):
        return _local(value).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, float)):
        return str(value)
    return neutral(str(value))


def _local(value: datetime) -> datetime:
    if value.tzinfo is None:
        return value
    try:
        return calendar.local(value).replace(tzinfo=None)
    except NoTenantInScope:
        return value.replace(tzinfo=None)


def write_csv(out: IO[bytes], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """UTF-8 with its mark, so that every spreadsheet program reads Urdu. Returns how many rows were written."""
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=False)
    try:
        writer = csv.writer(text)
        writer.writerow([neutral(str(column)) for column in columns])
        count = 0
        for row in rows:
            writer.writerow([text_of(value) for value in row])
            count += 1
        text.flush()
    finally:
        text.detach()
    return count


def write_xlsx(out: IO[bytes], columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "") -> int:
    """Numbers as numbers, dates as dates, everything else as text. One sheet after another where a sheet is full."""
    with tempfile.TemporaryDirectory(prefix="fiberledger-") as place:
        options = {"constant_memory": True, "tmpdir": place, "strings_to_formulas": False, "strings_to_urls": False}
        book = xlsxwriter.Workbook(out, options)
        bold = book.add_format({"bold": True, "bottom": 1})
        amount = book.add_format({"num_format": "#,##0.00"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        sheet: Any = None
        count = at = 0
        for row in rows:
            if sheet is None or at >= _MOST_ROWS:
                sheet, at = _new_sheet(book, columns, bold, title), 1
            for index, value in enumerate(row):
                if value is None or value == "":
                    continue
                if isinstance(value, Money):
                    sheet.write_number(at, index, float(value.amount), amount)
                elif isinstance(value, bool):
                    sheet.write_boolean(at, index, value)
                elif isinstance(value, Decimal):
                    sheet.write_number(at, index, float(value), amount)
                elif isinstance(value, (int, float)):
                    # Beyond 15 digits a spreadsheet rounds: then the digits matter more than the sum.
                    if abs(value) < 10**15:
                        sheet.write_number(at, index, value)
                    else:
                        sheet.write_string(at, index, str(value))
                elif isinstance(value, datetime):
                    sheet.write_datetime(at, index, _local(value), moment)
                elif isinstance(value, date):
                    sheet.write_datetime(at, index, value, day)
                else:
                    sheet.write_string(at, index, neutral(str(value))[:_CHARACTERS])
            at += 1
            count += 1
        if sheet is None:
            _new_sheet(book, columns, bold, title)
        book.close()
    return count


def _new_sheet(book: Any, columns: Sequence[str], bold: Any, title: str) -> Any:
    name = "".join(" " if letter in "[]:*?/\\'" else letter for letter in title)[:25].strip()
    if name and name in book.sheetnames:
        name = f"{name} {len(book.worksheets()) + 1}"
    sheet = book.add_worksheet(name or None)
    for index, column in enumerate(columns):
        sheet.write_string(0, index, neutral(str(column)), bold)
        sheet.set_column(index, index, max(10, min(40, len(str(column)) + 4)))
    sheet.freeze_panes(1, 0)
    return sheet


WRITERS: dict[str, tuple[Callable[..., int], str]] = {"csv": (write_csv, CSV), "xlsx": (write_xlsx, XLSX)}


def write(format: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> tuple[bytes, str]:
    """A small table as bytes, with its content type."""
    writer, kind = WRITERS[format]
    out = io.BytesIO()
    writer(out, columns, rows)
    return out.getvalue(), kind


def write_to(path: Path, format: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """A table of any length into a file."""
    with path.open("wb") as out:
        return WRITERS[format][0](out, columns, rows)
