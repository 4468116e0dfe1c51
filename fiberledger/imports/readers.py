"""Any CSV, XLSX, XLS, XLSB or ODS as a stream of rows.

A workbook is read by a child process with a memory limit of its own (see workbook.py), a text file line by line: neither a
bomb nor a hundred megabytes of one cell can hurt the process that asked. Formulas are never evaluated: a cell is the
text or the value that stands in the file.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

from fiberledger.tenancy import Refusal

Cell = str | date

MEGABYTE = 1024 * 1024
LARGEST_FILE = 100 * MEGABYTE
LARGEST_INFLATED = 1200 * MEGABYTE
LARGEST_RATIO = 150  # XLSX of repeated rows reaches about 40; bombs start at 1000
RATIO_MATTERS_ABOVE = 30 * MEGABYTE
LONGEST_LINE = MEGABYTE
LONGEST_CELL = 32_767  # what a spreadsheet program holds
MOST_COLUMNS = 500
MOST_ROWS = 1_048_576
CHILD_MEMORY = 1536 * MEGABYTE
CHILD_SECONDS = 180


class Unreadable(Refusal):
    """The file is no spreadsheet we can read; the words say what it is and what to do."""


@dataclass
class Sheet:
    """One table of a file: rows as (line, cells), line being the row number that a spreadsheet program shows."""

    path: Path
    kind: str
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: list[str] = field(default_factory=list)
    estimate: int = 0  # rows, about: for a progress bar
    _converted: Path | None = None

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        source = _text_rows(self) if self.kind == "csv" else _converted_rows(self)
        width_limit, row_limit = MOST_COLUMNS, MOST_ROWS
        for line, cells in source:
            if line > row_limit:
                raise Unreadable(
                    _("The file has more than %(rows)s rows. Split it into several files.") % {"rows": f"{row_limit:,}"}
                )
            while cells and cells[-1] == "":
                cells.pop()
            if len(cells) > width_limit:
                raise Unreadable(
                    _("Row %(line)s has more than %(columns)s columns. Is the file a table?")
                    % {"line": line, "columns": width_limit}
                )
            yield line, cells


@contextmanager
def open_sheet(path: Path | str, *, sheet: str = "") -> Iterator[Sheet]:
    """Open a table for reading, whatever wrote it. Raises Unreadable in words for the person who sent it.

    Of a workbook the first visible sheet that holds anything is read, unless `sheet` names one.
    """
    path = Path(path).resolve()
    kind = recognise(path)
    if kind == "csv":
        encoding = guess_encoding(path)
        yield Sheet(
            path=path,
            kind=kind,
            encoding=encoding,
            delimiter=guess_delimiter(path, encoding),
            estimate=_count_lines(path),
        )
        return
    handle, name = tempfile.mkstemp(prefix="fiberledger-import-", suffix=".jsonl")
    os.close(handle)
    try:
        about = _convert(path, kind, Path(name), sheet)
        yield Sheet(
            path=path,
            kind=kind,
            sheet=about["sheet"],
            sheets=about["sheets"],
            estimate=about["rows"],
            _converted=Path(name),
        )
    finally:
        Path(name).unlink(missing_ok=True)


# ---------------------------------------------------------------- what is it?

_MAGIC = [
    (b"%PDF", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF87a", "picture"),
    (b"GIF89a", "picture"),
    (b"BM", "bmp"),
    (b"II*\x00", "picture"),
    (b"MM\x00*", "picture"),
    (b"MZ", "mz"),
    (b"\x7fELF", "program"),
    (b"\xca\xfe\xba\xbe", "program"),
    (b"\xcf\xfa\xed\xfe", "program"),
    (b"Rar!\x1a\x07", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"\x1f\x8b\x08", "archive"),
    (b"BZh", "bzip"),
    (b"\xfd7zXZ\x00", "archive"),
    (b"{\\rtf", "document"),
    (b"ID3", "sound"),
    (b"OggS", "sound"),
    (b"SQLite format 3\x00", "database"),
]


def recognise(path: Path) -> str:
    """csv, xlsx, xlsb, xls or ods, judged by the content: a name proves nothing. Raises Unreadable otherwise."""
    size = path.stat().st_size
    if size == 0:
        raise Unreadable(_("The file is empty. Save the spreadsheet again and send it once more."))
    if size > LARGEST_FILE:
        raise Unreadable(
            _("The file is larger than %(size)s MB. Split it into several files.") % {"size": LARGEST_FILE // MEGABYTE}
        )
    with path.open("rb") as stream:
        head = stream.read(8192)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _recognise_zip(path)
    if head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return _recognise_ole(path)
    what = next((kind for magic, kind in _MAGIC if head.startswith(magic)), "")
    if head[:4] == b"RIFF":
        what = "picture" if head[8:12] == b"WEBP" else "sound"
    elif head[4:8] == b"ftyp":
        what = "picture" if head[8:12] in (b"heic", b"heix", b"mif1", b"avif") else "video"
    elif what in ("bmp", "mz", "bzip") and not _looks_binary(head):
        what = ""  # a CSV may well begin with these letters
    words = {
        "pdf": _(
            "This is a PDF document, not a spreadsheet. Export the table as XLSX or CSV from the program that made it."
        ),
        "picture": _("This is a picture, not a spreadsheet. Send the table itself as XLSX, ODS or CSV."),
        "bmp": _("This is a picture, not a spreadsheet. Send the table itself as XLSX, ODS or CSV."),
        "program": _("This is a program, not a spreadsheet. It was not opened."),
        "mz": _("This is a program, not a spreadsheet. It was not opened."),
        "archive": _("This is a compressed archive. Take the spreadsheet out of it and send that."),
        "bzip": _("This is a compressed archive. Take the spreadsheet out of it and send that."),
        "document": _("This is a text document, not a spreadsheet. Copy the table into a spreadsheet and save that."),
        "database": _("This is a database file, not a spreadsheet. Export the table as CSV."),
        "sound": _("This is a sound or video file, not a spreadsheet."),
        "video": _("This is a sound or video file, not a spreadsheet."),
    }
    if what:
        raise Unreadable(words[what])
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table")):
        raise Unreadable(
            _(
                "This is a web page with a spreadsheet's name. Open it in a spreadsheet program and save it as XLSX or CSV."
            )
        )
    if start.startswith((b"<?xml", b"<svg")):
        raise Unreadable(_("This is an XML file. Open it in a spreadsheet program and save it as XLSX or CSV."))
    if not _utf16_flavour(head) and _looks_binary(head):
        raise Unreadable(_("This is not a spreadsheet. Send the table as XLSX, ODS or CSV."))
    return "csv"


def _looks_binary(head: bytes) -> bool:
    """Control characters that no text holds. A stray NUL or two, as some old programs leave them, is no proof."""
    odd = sum(head.count(bytes([c])) for c in range(32) if c not in (0, 9, 10, 11, 12, 13, 26, 27))
    nuls = head.count(b"\0")
    return odd > len(head) * 0.005 + 1 or nuls > len(head) * 0.02 + 2


def _recognise_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            return _inspect_zip(archive, path)
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError, RuntimeError):
        raise Unreadable(
            _("The file is damaged: it ends too early or was changed. Save it again and send it once more.")
        ) from None


def _inspect_zip(archive: zipfile.ZipFile, path: Path) -> str:
    infos = archive.infolist()
    names = {info.filename for info in infos}
    bomb = Unreadable(
        _(
            "This file would unpack to far more than it should. It was not opened. If it is yours, save it as CSV and send that."
        )
    )
    if len(infos) > 10_000:
        raise bomb
    if any(info.flag_bits & 1 for info in infos):
        raise Unreadable(_locked())
    declared = sum(info.file_size for info in infos)
    _weigh(declared, path.stat().st_size, bomb)
    kind = ""
    if "xl/workbook.xml" in names:
        kind = "xlsx"
    elif "xl/workbook.bin" in names:
        kind = "xlsb"
    elif "content.xml" in names and "META-INF/manifest.xml" in names:
        mimetype = (
            archive.read("mimetype")[:100]
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 200
            else b""
        )
        manifest = _inflate(archive, "META-INF/manifest.xml", MEGABYTE)
        if b"encryption-data" in manifest:
            raise Unreadable(_locked())
        kind = "ods" if b"spreadsheet" in mimetype or b"opendocument.spreadsheet" in manifest else ""
    if not kind:
        if any(name.startswith("word/") for name in names):
            raise Unreadable(
                _("This is a Word document, not a spreadsheet. Copy the table into a spreadsheet and save that.")
            )
        raise Unreadable(_("This is a ZIP archive. Take the spreadsheet out of it and send that."))
    # A header may lie about the size, so the members are inflated once, into nowhere, and weighed.
    inflated = 0
    size = path.stat().st_size
    for info in infos:
        with archive.open(info) as member:
            while piece := member.read(MEGABYTE):
                inflated += len(piece)
                _weigh(inflated, size, bomb)
    return kind


def _weigh(inflated: int, packed: int, bomb: Unreadable) -> None:
    if inflated > LARGEST_INFLATED or (inflated > RATIO_MATTERS_ABOVE and inflated > packed * LARGEST_RATIO):
        raise bomb


def _inflate(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as member:
        return member.read(limit)


def _locked() -> str:
    return _("The file is protected by a password. Remove the password in your spreadsheet program and send it again.")


def _recognise_ole(path: Path) -> str:
    with path.open("rb") as stream:
        content = stream.read(LARGEST_FILE)
    if "EncryptedPackage".encode("utf-16-le") in content or "EncryptionInfo".encode("utf-16-le") in content:
        raise Unreadable(_locked())
    if "Workbook".encode("utf-16-le") in content or "Book\0".encode("utf-16-le") in content:
        return "xls"
    raise Unreadable(_("This is an old Office document, not a spreadsheet. Send the table as XLSX, ODS or CSV."))


# ---------------------------------------------------------------- workbooks


def _convert(path: Path, kind: str, target: Path, sheet: str) -> dict:
    """Let a child with its own memory limit turn the workbook into JSON lines; its death is our refusal."""
    too_large = _("The spreadsheet is too large to open. Save it as CSV, or split it into several files.")
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-I",
                "-S",
                str(Path(__file__).with_name("workbook.py")),
                str(path),
                str(target),
                kind,
                sheet,
                str(CHILD_MEMORY),
                *sys.path,
            ],
            capture_output=True,
            timeout=CHILD_SECONDS,
            check=False,
            cwd="/",
        )
    except subprocess.TimeoutExpired:
        raise Unreadable(too_large) from None
    if done.returncode == 0:
        return json.loads(done.stdout)
    try:
        reason = json.loads(done.stdout or b"{}").get("reason", "")
    except ValueError:
        reason = ""
    words = {
        "password": _locked(),
        "empty": _("There is nothing in this spreadsheet: every visible sheet is empty."),
        "no sheet": _("There is no sheet called “%(sheet)s” in this file.") % {"sheet": sheet},
        "damaged": _("The file is damaged: it ends too early or was changed. Save it again and send it once more."),
    }
    raise Unreadable(words.get(reason, too_large))


def _converted_rows(sheet: Sheet) -> Iterator[tuple[int, list[Cell]]]:
    assert sheet._converted is not None
    with sheet._converted.open(encoding="utf-8") as stream:
        for text in stream:
            line, cells = json.loads(text)
            # A date comes as [iso]: JSON has no dates, and a text that looks like one is not one.
            yield line, [cell if type(cell) is str else date.fromisoformat(cell[0]) for cell in cells]


# ---------------------------------------------------------------- text

_BOMS = [
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]


def _utf16_flavour(head: bytes) -> str:
    """UTF-16 shows itself without a mark: spaces, digits, commas and line ends have a NUL on one side, always the same."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding if encoding != "utf-8-sig" else ""
    even, odd = head[0::2], head[1::2]
    if len(head) < 4 or b"\0" not in head:
        return ""
    common = b",;\t|\r\n 0123456789"
    little = sum(1 for a, b in zip(even, odd, strict=False) if b == 0 and a in common)
    big = sum(1 for a, b in zip(even, odd, strict=False) if a == 0 and b in common)
    pairs = len(odd)
    if little > pairs * 0.08 and little > big * 4:
        return "utf-16-le"
    if big > pairs * 0.08 and big > little * 4:
        return "utf-16-be"
    return ""


def guess_encoding(path: Path) -> str:
    """The encoding of a text file. UTF-8 is proved over the whole file, code pages are told apart by their letters."""
    with path.open("rb") as stream:
        head = stream.read(65536)
        if flavour := _utf16_flavour(head[:8192]):
            return flavour
        for mark, encoding in _BOMS[:1]:
            if head.startswith(mark):
                return encoding
        decoder = codecs.getincrementaldecoder("utf-8")()
        piece = head
        sample, letters = b"", False  # letters: beyond ASCII, and well written
        try:
            while piece:
                before = piece
                letters = not decoder.decode(piece).isascii() or letters
                piece = stream.read(MEGABYTE)
            decoder.decode(b"", final=True)
            return "utf-8"
        except UnicodeDecodeError as error:
            sample = before
            letters = letters or any(byte > 127 for byte in error.object[: error.start])
    return f"utf-8+{_code_page(sample)}" if letters else _code_page(sample)


def _as_code_page(code_page: str) -> Callable[[UnicodeError], tuple[str, int]]:
    """Two files in one: what is no UTF-8 in a UTF-8 file is what another program pasted in its own code page."""

    def decode(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        return error.object[error.start : error.end].decode(code_page, "replace"), error.end

    return decode


for _page in ("cp1252", "cp1256"):
    codecs.register_error(f"as-{_page}", _as_code_page(_page))


def _code_page(sample: bytes) -> str:
    """Windows-1256 writes whole words in high bytes, Windows-1252 only an accented letter here and there."""
    high = [byte >= 0xC0 or byte in (0x81, 0x8D, 0x8E, 0x90, 0x98, 0x9A, 0x9F, 0xAA) for byte in sample]
    lonely = together = 0
    for run, group in itertools.groupby(high):
        if run:
            length = sum(1 for _member in group)
            if length >= 2:
                together += length
            else:
                lonely += 1
    return "cp1256" if together > lonely else "cp1252"


def _count_lines(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(piece.count(b"\n") for piece in iter(lambda: stream.read(MEGABYTE), b""))


def _lines(stream: IO[str]) -> Iterator[str]:
    """Lines of bounded length, without NULs."""
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise Unreadable(
                _("Line %(line)s is longer than a table's row can be. Is the file a table?") % {"line": number}
            )
        yield line.replace("\0", "") if "\0" in line else line


def _open_text(path: Path, encoding: str) -> IO[str]:
    encoding, _plus, code_page = encoding.partition("+")
    # Code pages leave a few bytes undefined; they must not stop the other 99,999 rows.
    errors = f"as-{code_page}" if code_page else "strict" if encoding.startswith("utf-8") else "replace"
    return path.open(encoding=encoding, newline="", errors=errors)


def guess_delimiter(path: Path, encoding: str) -> str:
    """Comma, semicolon, tab or bar: the one that cuts the first lines most evenly into the most columns."""
    with _open_text(path, encoding) as stream:
        sample = list(itertools.islice(_lines(stream), 60))
    if sample and (first := sample[0].strip().strip('"').lower()).startswith("sep=") and len(first) == 5:
        return first[4]
    best, best_score = ",", 0.0
    for delimiter in ",;\t|":
        try:
            widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if any(row)]
        except csv.Error:
            continue
        if not widths:
            continue
        width, often = Counter(widths).most_common(1)[0]
        if width == 1:
            width, often = max(Counter(w for w in widths if w > 1).items(), key=lambda item: item[1], default=(1, 0))
            often = often / 2
        score = (often / len(widths)) * min(width, 30) if width > 1 else 0
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _text_rows(sheet: Sheet) -> Iterator[tuple[int, list[Cell]]]:
    csv.field_size_limit(LONGEST_LINE)
    with _open_text(sheet.path, sheet.encoding) as stream:
        unread: list[str] = []
        reader = csv.reader(_watched(_lines(stream), unread), delimiter=sheet.delimiter)
        line = 0
        try:
            for line, cells in enumerate(reader, start=1):
                unread.clear()
                if line == 1 and len(cells) <= 2 and ",".join(cells).lower().startswith("sep="):
                    continue
                for text in cells:
                    if len(text) > LONGEST_CELL:
                        raise Unreadable(
                            _(
                                "Row %(line)s has a cell of more than %(size)s characters: a quotation mark that is never closed?"
                            )
                            % {"line": line, "size": f"{LONGEST_CELL:,}"}
                        )
                yield line, list(cells)
        except csv.Error as error:
            raise Unreadable(
                _("The file cannot be read after row %(line)s: a quotation mark that is never closed?") % {"line": line}
            ) from error
        except UnicodeError as error:
            raise Unreadable(
                _("The file is damaged: it ends too early or was changed. Save it again and send it once more.")
            ) from error


def _watched(lines: Iterator[str], unread: list[str]) -> Iterator[str]:
    """The lines; the reader's owner clears `unread` at every row, so what is left at the end is a row that never ended."""
    for text in lines:
        unread.append(text)
        yield text
    if unread:
        raise csv.Error("the last row is not complete")


def table_bytes(rows: list[list[str]]) -> bytes:
    """A small table as CSV bytes that every spreadsheet program opens rightly (UTF-8 with its mark)."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return codecs.BOM_UTF8 + out.getvalue().encode()
