"""Spreadsheets on their bad days: each is read, or refused in words, and never costs more memory than it may."""

from __future__ import annotations

import codecs
import resource
import zipfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiberledger.imports import readers
from fiberledger.imports.readers import Unreadable, open_sheet

from .makers import liar, ods, xlsx

TABLE = [["Name", "Phone", "City"], ["Asha", "0300-1234567", "لاہور"], ["Zoë", "0301-7654321", "Kasur"]]


def text_of(rows, delimiter=","):
    return "".join(delimiter.join(row) + "\r\n" for row in rows)


def read(path: Path, **options) -> list[list]:
    with open_sheet(path, **options) as sheet:
        return [cells for _line, cells in sheet.rows()]


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-16-be"),
        lambda text: codecs.BOM_UTF32_LE + text.encode("utf-32-le"),
    ],
    ids=["utf-8", "utf-8 with a BOM", "utf-16 le", "utf-16 be", "utf-16 le bare", "utf-16 be bare", "utf-32"],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_encoding_and_delimiter(tmp_path, encode, delimiter):
    file = tmp_path / "list.csv"
    file.write_bytes(encode(text_of(TABLE, delimiter)))
    assert read(file) == TABLE


def test_code_pages_are_told_apart_by_their_letters(tmp_path):
    file = tmp_path / "list.csv"
    western = [["Nom", "Ville"], ["Zoé Müller", "Genève"], ["Bengt Åkerlund", "Malmö"]]
    file.write_bytes(text_of(western, ";").encode("cp1252"))
    assert read(file) == western
    arabic = [["الاسم", "المدينة"], ["محمد علي", "القاهرة"], ["فاطمة", "الرياض"]]
    file.write_bytes(text_of(arabic, ";").encode("cp1256"))
    assert read(file) == arabic


def test_one_bad_byte_late_in_a_long_file_is_no_utf8(tmp_path):
    file = tmp_path / "list.csv"
    file.write_bytes(b"Name,City\r\n" + b"Asha,Lahore\r\n" * 200_000 + "Zoé,Genève\r\n".encode("cp1252"))
    assert read(file)[-1] == ["Zoé", "Genève"]


def test_quotes_commas_and_lines_inside_cells(tmp_path):
    file = tmp_path / "list.csv"
    file.write_text('Name,Address\r\n"Asha","House 1,\nStreet 2 ""blue"""\r\n')
    assert read(file)[1] == ["Asha", 'House 1,\nStreet 2 "blue"']


def test_excels_sep_line_is_an_instruction_not_a_row(tmp_path):
    file = tmp_path / "list.csv"
    file.write_text("sep=;\r\nName;City\r\nAsha;Lahore\r\n")
    assert read(file) == [["Name", "City"], ["Asha", "Lahore"]]


def test_stray_nul_bytes_are_dropped(tmp_path):
    file = tmp_path / "list.csv"
    file.write_bytes(b"Name,City\r\n" + b"Asha,Lahore\r\n" * 50 + b"Asha\0,Lah\0ore\r\n")
    assert read(file)[-1] == ["Asha", "Lahore"]


def test_a_workbook_gives_numbers_as_read_dates_as_dates_and_formulas_as_values(tmp_path):
    def more(book, sheet):
        sheet.write_datetime(1, 3, date(2026, 8, 28), book.add_format({"num_format": "dd/mm/yyyy"}))
        sheet.write_formula(1, 4, "=1+1", None, 2)
        sheet.write_string(1, 5, "=cmd|calc!A1")

    file = xlsx(
        tmp_path / "list.xlsx",
        [["Name", "CNIC", "Fee", "When", "Sum", "Odd"], ["Asha", 3520212345671, 1500.5]],
        after=more,
    )
    assert read(file)[1] == ["Asha", "3520212345671", "1500.5", date(2026, 8, 28), "2", "=cmd|calc!A1"]


def test_of_a_workbook_the_first_visible_sheet_with_something_in_it_is_read(tmp_path):
    def before(book):
        book.add_worksheet("Empty")
        hidden = book.add_worksheet("Secret")
        hidden.write(0, 0, "salaries")
        hidden.hide()

    file = xlsx(tmp_path / "list.xlsx", TABLE, before=before)
    with open_sheet(file) as sheet:
        assert (sheet.sheet, sheet.sheets) == ("List", ["Empty", "List"])
        assert next(sheet.rows())[1] == TABLE[0]
    with pytest.raises(Unreadable, match="no sheet called"):
        read(file, sheet="Secret")


def test_a_city_merged_over_three_rows_is_the_city_of_all_three(tmp_path):
    def after(_book, sheet):
        sheet.merge_range("B2:B4", "Lahore")

    file = xlsx(tmp_path / "list.xlsx", [["Name", "City"], ["Asha", None], ["Ravi", None], ["Zed", None]], after=after)
    assert [row[1] for row in read(file)[1:]] == ["Lahore"] * 3


def test_rows_keep_the_numbers_a_spreadsheet_program_shows(tmp_path):
    file = tmp_path / "list.csv"
    file.write_text("Name,City\n\nAsha,Lahore\n")
    with open_sheet(file) as sheet:
        assert [line for line, _cells in sheet.rows()] == [1, 2, 3]
    book = xlsx(tmp_path / "list.xlsx", [[None], ["Name", "City"], [None], ["Asha", "Lahore"]])
    with open_sheet(book) as sheet:
        assert [line for line, _cells in sheet.rows()] == [2, 4]


def test_ods(tmp_path):
    assert read(ods(tmp_path / "list.ods", TABLE)) == TABLE


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "picture"),
        (b"\xff\xd8\xff\xe0" + bytes(200), "picture"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
        (b"MZ\x90\0\x03" + bytes(200), "program"),
        (b"\x7fELF" + bytes(100), "program"),
        (b"Rar!\x1a\x07\x00", "archive"),
        (b"{\\rtf1 hello}", "text document"),
        (b"<!DOCTYPE html><table><tr><td>1</td></tr></table>", "web page"),
        (b"SQLite format 3\0" + bytes(100), "database"),
        (bytes(range(256)) * 10, "not a spreadsheet"),
    ],
)
def test_what_is_no_spreadsheet_is_refused_in_words_whatever_its_name(tmp_path, content, words):
    for name in ("list.csv", "list.xlsx"):
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(Unreadable, match=words):
            read(file)


def test_other_archives_and_documents_are_refused(tmp_path):
    for name, words in (("word/document.xml", "Word"), ("photo.jpg", "ZIP archive")):
        file = tmp_path / "list.xlsx"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(name, "x")
        with pytest.raises(Unreadable, match=words):
            read(file)
    whole = xlsx(tmp_path / "good.xlsx", TABLE).read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Unreadable, match="damaged"):
        read(file)


def test_password_protected_files_are_refused(tmp_path):
    office = tmp_path / "list.xlsx"
    office.write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512) + "EncryptedPackage".encode("utf-16-le") + bytes(512)
    )
    with pytest.raises(Unreadable, match="password"):
        read(office)
    libre = ods(
        tmp_path / "list.ods", TABLE,
        manifest='<manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry>',
    )  # fmt: skip
    with pytest.raises(Unreadable, match="password"):
        read(libre)


def test_a_zip_bomb_is_refused_before_anything_opens_it(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "_convert", lambda *_args: pytest.fail("it was opened"))
    honest = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(honest, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 200_000_000)
    with pytest.raises(Unreadable, match="unpack"):
        read(honest)
    with pytest.raises(Unreadable):
        read(liar(tmp_path / "liar.xlsx", 200_000_000))


def test_a_cell_in_the_last_corner_does_not_fill_the_memory(tmp_path):
    def corner(_book, sheet):
        sheet.write("XFD1048576", "x")

    file = xlsx(tmp_path / "corner.xlsx", TABLE, after=corner)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Unreadable, match="too large"):
        read(file)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_quotation_mark_that_is_never_closed_names_the_row(tmp_path):
    file = tmp_path / "list.csv"
    file.write_text('Name,City\nAsha,Lahore\n"Ravi,Kasur\n' + "Zed,Nairobi\n" * 200_000)
    with pytest.raises(Unreadable, match="quotation mark"):
        read(file)


def test_a_hundred_megabytes_without_a_line_end_are_not_read_into_memory(tmp_path):
    file = tmp_path / "list.csv"
    with file.open("wb") as out:
        for _piece in range(60):
            out.write(b"a" * 1_000_000)
    with pytest.raises(Unreadable, match="longer than"):
        read(file)


def test_too_large_files_and_too_many_columns(tmp_path, monkeypatch):
    file = tmp_path / "list.csv"
    file.write_text(",".join(str(n) for n in range(600)) + "\n")
    with pytest.raises(Unreadable, match="columns"):
        read(file)
    monkeypatch.setattr(readers, "LARGEST_FILE", 100)
    with pytest.raises(Unreadable, match="larger than"):
        read(file)


cell = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(cell, min_size=2, max_size=5), min_size=1, max_size=8),
    st.sampled_from(["utf-8-sig", "utf-16", "utf-8"]),
)
def test_whatever_a_csv_writer_wrote_is_read_back(tmp_path_factory, rows, encoding):
    import csv
    import io

    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    file = tmp_path_factory.mktemp("csv") / "list.csv"
    file.write_bytes(out.getvalue().encode(encoding))

    def trimmed(row):
        while row and row[-1] == "":
            row = row[:-1]
        return row

    with open_sheet(file) as sheet:
        sheet.delimiter = ","  # a few random cells say nothing of the delimiter
        assert [cells for _line, cells in sheet.rows()] == [trimmed(row) for row in rows]
