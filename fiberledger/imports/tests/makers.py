"""Files as people send them, made on the spot."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import xlsxwriter


def xlsx(path: Path, rows: list[list], *, before=None, after=None, options: dict | None = None) -> Path:
    book = xlsxwriter.Workbook(str(path), options or {})
    if before:
        before(book)
    sheet = book.add_worksheet("List")
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if value is not None:
                sheet.write(number, column, value)
    if after:
        after(book, sheet)
    book.close()
    return path


ODS_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"><office:body><office:spreadsheet>'
    '<table:table table:name="List">'
)


def ods(path: Path, rows: list[list[str]], *, manifest: str = "") -> Path:
    body = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml",
            '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            '<manifest:file-entry manifest:full-path="/" '
            f'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>{manifest}</manifest:manifest>',
        )
        archive.writestr(
            "content.xml",
            f"{ODS_HEAD}{body}</table:table></office:spreadsheet></office:body></office:document-content>",
        )
    return path


def liar(path: Path, inflated: int) -> Path:
    """A workbook whose directory says it is small."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * inflated)
    data = bytearray(out.getvalue())
    true, false = inflated.to_bytes(4, "little"), (1000).to_bytes(4, "little")
    while (at := data.find(true)) >= 0:
        data[at : at + 4] = false
    path.write_bytes(bytes(data))
    return path
