"""Files as nobody should send them: each ends in a verdict for every row, or in a refusal that says what to do."""

from __future__ import annotations

import csv
import datetime
import io
import zipfile
from decimal import Decimal

import pytest
import python_calamine

from fiberledger.imports.readers import MOST_ROWS, Unreadable
from fiberledger.tenancy import Refusal

from .makers import ODS_HEAD, ods, xlsx

HEAD = ["Name", "Mobile", "Area", "Address", "Status", "Opening Balance", "Installation Date"]


def row(name="Asha", phone="03001234567", balance="", day=""):
    return [name, phone, "Model Town", "House 1", "lead", balance, day]


def text_of(rows, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


@pytest.fixture
def bring_in(isp, tmp_path):
    """Bring a file in by its guessed map: {line: fault word or None}, and the rows as they were understood."""
    from fiberledger.imports import services

    def bring(source):
        path = source
        if isinstance(source, (str, bytes)):
            path = tmp_path / "list.csv"
            path.write_bytes(source if isinstance(source, bytes) else source.encode())
        told: dict[int, str | None] = {}
        with isp.scope():
            run = services.receive("subscribers", path, path.name, by=isp.system())
            run = services.set_map(run, run.map, options={"create_missing": ["areas"]}, by=isp.system())
        services.take(isp.tenant.pk, run.pk, by=isp.system(), told=told.__setitem__)
        with isp.scope():
            run.refresh_from_db()
        return told, run

    return bring


def faulty_file(isp, run, tmp_path, kind):
    from fiberledger.imports import services

    target = tmp_path / f"faulty.{kind}"
    with isp.scope():
        services.write_error_file(run, target, kind)
    if kind == "csv":
        return list(csv.reader(io.StringIO(target.read_text("utf-8-sig"))))
    return python_calamine.load_workbook(str(target)).get_sheet_by_index(0).to_python()


def test_a_semicolon_list_from_excel_in_latin_1(bring_in):
    told, run = bring_in(text_of([HEAD, row("José Ñandú", balance="1.234,50")], ";").encode("latin-1"))
    assert told == {2: None}
    assert (run.preview[0]["name"], run.preview[0]["opening_balance"]) == ("José Ñandú", "1,234.50")


@pytest.mark.parametrize("delimiter", ["^", ":", "~"])
def test_a_delimiter_of_ones_own_is_refused_naming_those_that_work(bring_in, delimiter):
    with pytest.raises(Refusal, match="commas, semicolons or tabs"):
        bring_in(text_of([HEAD, row()], delimiter))


def test_a_list_that_begins_with_its_first_customer_loses_nobody(isp, bring_in, tmp_path):
    from fiberledger.imports import services

    path = tmp_path / "bare.csv"
    path.write_text(text_of([row(f"Person {n}", f"0300123456{n}") for n in range(4)]))
    with isp.scope():
        run = services.receive("subscribers", path, path.name, by=isp.system())
        assert run.map["phone"] == "Column B"
        chosen = run.map | {"name": "Column A", "area": "Column C", "address": "Column D", "status": "Column E"}
        run = services.set_map(run, chosen, options={"create_missing": ["areas"]}, by=isp.system())
    told = {}
    services.take(isp.tenant.pk, run.pk, by=isp.system(), told=told.__setitem__)
    assert told == {1: None, 2: None, 3: None, 4: None}


def test_empty_double_and_many_columns(bring_in):
    told, run = bring_in(
        ",Name,,Mobile,Mobile,Area,,Address,Status,,\n,Asha,,03001234567,03001234568,Model Town,,House 1,lead,,\n"
    )
    assert told == {2: None} and run.map["phone"] == "Mobile" and run.map["phone2"] == "Mobile (2)"
    extra = [f"x{n}" for n in range(193)]
    told, run = bring_in(text_of([HEAD + extra, row("Ravi", "03001234569") + ["v"] * 193]))
    assert told == {2: None} and len(run.columns) == 200
    with pytest.raises(Unreadable, match="more than 500 columns"):
        bring_in(text_of([HEAD + ["x"] * 600, row() + ["v"] * 600]))


def test_a_header_alone_is_refused_and_one_row_is_enough(bring_in):
    for nothing_below in ("", ",,,\n\n", "\n \n"):
        with pytest.raises(Refusal, match="no row below it"):
            bring_in(",".join(HEAD) + "\n" + nothing_below)
    told, _run = bring_in(text_of([HEAD, row()]).rstrip())  # not even a line end
    assert told == {2: None}


def test_a_header_of_two_rows_merged_over_each_other(bring_in, tmp_path):
    def merge(book, sheet):
        sheet.merge_range(0, 0, 0, 4, "Bright ISP")
        sheet.merge_range(1, 0, 2, 0, "Name")
        sheet.merge_range(1, 2, 1, 3, "Place")
        for column, name in ((1, "Mobile"), (2, "Area"), (3, "Address"), (4, "Status")):
            sheet.write(2, column, name)

    told, run = bring_in(xlsx(tmp_path / "merged.xlsx", [[], [], [], row()[:5]], after=merge))
    assert (run.header_line, told) == (3, {4: None})


def test_a_cell_as_long_as_a_book(bring_in):
    told, _run = bring_in(text_of([HEAD, row("A" * 30_000), row("B" * 121), row("Ravi")]))
    assert told == {2: "name too long", 3: "name too long", 4: None}
    with pytest.raises(Unreadable, match="more than 32,767 characters"):
        bring_in(text_of([HEAD, row("A" * 40_000)]))


def test_nul_bytes_are_nothing(bring_in, tmp_path):
    told, run = bring_in(text_of([HEAD, row("As\0ha"), row("Ra\0vi", "n\0one")]))
    assert told == {2: None, 3: "phone invalid or missing"} and run.preview[0]["name"] == "Asha"
    book = xlsx(tmp_path / "nul.xlsx", [HEAD, row("Ze_x0000_d", "none")])
    assert bring_in(book)[0] == {2: "phone invalid or missing"}


def test_two_encodings_in_one_file_are_each_read_as_written(bring_in):
    ours, pasted = text_of([HEAD, row("آشا")]).encode(), text_of([row("José", "03001234568")]).encode("cp1252")
    told, run = bring_in(ours + pasted)
    assert told == {2: None, 3: None}
    assert [seen["name"] for seen in run.preview] == ["آشا", "José"]


def test_a_quotation_mark_that_is_never_closed_swallows_nobody(bring_in):
    with pytest.raises(Unreadable, match="after row 2: a quotation mark that is never closed"):
        bring_in(f'{",".join(HEAD)}\n{",".join(row())}\n"Ravi,{",".join(row("", "03001234568"))}\n{",".join(row())}\n')
    told, _run = bring_in(f'{",".join(HEAD)}\nAsha,03001234567,Model Town,5" pipe,lead,,"2025-01-05\n"\n')
    assert told == {2: None}


def test_digits_and_amounts_of_urdu_and_of_shopkeepers(bring_in):
    written = {
        "۱٬۲۵۰": "1250", "Rs 1,200/-": "1200", "(1,750)": "-1750", "Rs (500)": "-500", "-300": "-300", "\u2212300": "-300",
        "1,200 CR": "-1200", "PKR 1,00,000.00": "100000", "1 200": "1200", "۱۲۰۰/-": "1200",
    }  # fmt: skip
    rows = [row(f"P{n}", f"۰۳۰۰۱۲۳۴۵{n:02d}", cell, "۲۸-۰۸-۲۰۲۵") for n, cell in enumerate(written)]
    rows += [row(f"Q{n}", f"0301123450{n}", cell) for n, cell in enumerate(["1e5", "#REF!", "=1+1", "--5", "((5))"])]
    told, run = bring_in(text_of([HEAD, *rows]))
    assert list(told.values()) == [None] * len(written) + ["opening balance invalid"] * 5
    for seen, meant in zip(run.preview, written.values(), strict=False):
        assert Decimal(seen["opening_balance"].replace(",", "")) == Decimal(meant)
        assert seen["installed_on"] == "2025-08-28"


def test_what_a_spreadsheet_makes_of_phones(bring_in, tmp_path):
    """A number cell keeps every digit; a text that was shortened to 3.0012E+09 has lost some, and is never guessed at."""
    cells = {
        3001234567.0: None, "3001234568.0": None, "'03001234569": None, "0300-1234570 ": None,
        "3.0012E+09": "phone invalid or missing", "3.00123456E+09": "phone invalid or missing",
        "03001234571/03001234572": "phone invalid or missing", True: "phone invalid or missing",
    }  # fmt: skip
    book = xlsx(
        tmp_path / "phones.xlsx", [HEAD, *(row(f"P{n}", cell) for n, cell in enumerate(cells))],
        options={"strings_to_numbers": False},
    )  # fmt: skip
    told, _run = bring_in(book)
    assert list(told.values()) == list(cells.values())


@pytest.mark.parametrize("system", [1900, 1904])
def test_days_as_dates_serials_and_text_and_a_faulty_row_among_them(isp, bring_in, tmp_path, system):
    def days(book, sheet):
        as_day = book.add_format({"num_format": "dd/mm/yyyy"})
        for line in (1, 2):
            sheet.write_datetime(line, 6, datetime.datetime(2024, 5, 17, 13), as_day)
        sheet.write_datetime(3, 6, datetime.time(13, 5), book.add_format({"num_format": "hh:mm"}))

    rows = [row(), row("Ravi", "none"), row("Zed", "03001234568"), row("Noor", "03001234569", day="17.05.2024")]
    told, run = bring_in(xlsx(tmp_path / "days.xlsx", [HEAD, *rows], after=days, options={"date_1904": system == 1904}))
    assert told == {2: None, 3: "phone invalid or missing", 4: "date invalid", 5: None}
    assert {seen["installed_on"] for seen in run.preview} == {"2024-05-17"}
    for kind in ("csv", "xlsx"):
        assert faulty_file(isp, run, tmp_path, kind)[1][6] == "2024-05-17"
    if system == 1900:
        assert (
            bring_in(text_of([HEAD, row("Serial", "03001234570", day="45429")]))[1].preview[0]["installed_on"]
            == "2024-05-17"
        )


def test_a_sheet_whose_last_rows_are_repeated_to_the_end_of_the_world(bring_in, tmp_path):
    rows = [[*HEAD[:5]], row()[:5]]
    path = ods(tmp_path / "list.ods", rows)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    empty = f'<table:table-row table:number-rows-repeated="{MOST_ROWS - 2}"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    parts["content.xml"] = parts["content.xml"].replace(b"</table:table>", empty.encode() + b"</table:table>")
    assert parts["content.xml"].startswith(ODS_HEAD.encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert bring_in(path)[0] == {2: None}


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_formula_leaves_with_the_faulty_rows(isp, bring_in, tmp_path, kind):
    nasty = ["=cmd|' /C calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")']
    harmless = ["-1750", "+923001234567"]
    rows = [row(cell, "none") for cell in (*nasty, *harmless)]
    told, run = bring_in(text_of([[*HEAD, "=1+1", "@x"], *rows]))
    assert set(told.values()) == {"phone invalid or missing"}
    header, *lines = faulty_file(isp, run, tmp_path, kind)
    assert not [name for name in header if name.startswith(("=", "+", "-", "@"))]
    names = [line[0] for line in lines]
    assert [name[:1] for name in names[: len(nasty)]] == ["'"] * len(nasty)
    assert names[len(nasty) :] == harmless
