"""What leaves the house: nothing that a spreadsheet would run, nothing lost, nothing of others, and no more memory for more rows."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import python_calamine
from hypothesis import given, settings
from hypothesis import strategies as st

from fiberledger.exports import sheets
from fiberledger.imports.cells import original
from fiberledger.imports.readers import open_sheet
from fiberledger.money import Money

ROWS = [
    ["=1+1", Decimal("1500.50"), date(2026, 8, 28), None, "لاہور"],
    ["+923001234567", Money(Decimal(-750), "PKR"), datetime(2026, 8, 28, 9, 30, tzinfo=UTC), True, "@x"],
]


def test_csv_keeps_urdu_and_neutralises_formulas():
    body, kind = sheets.write("csv", ["=Name", "Amount", "Day", "Flag", "City"], ROWS)
    assert kind.startswith("text/csv")
    lines = body.decode("utf-8-sig").splitlines()
    assert lines == [
        "'=Name,Amount,Day,Flag,City",
        "'=1+1,1500.50,2026-08-28,,لاہور",
        "+923001234567,-750,2026-08-28 09:30:00,1,'@x",
    ]


def test_xlsx_has_numbers_as_numbers_and_no_formula():
    body, _kind = sheets.write("xlsx", ["Name", "Amount", "Day", "Flag", "City"], ROWS)
    rows = python_calamine.load_workbook(io.BytesIO(body)).get_sheet_by_index(0).to_python()
    assert rows[1] == ["'=1+1", 1500.5, date(2026, 8, 28), "", "لاہور"]
    assert rows[2] == ["+923001234567", -750.0, datetime(2026, 8, 28, 9, 30), True, "'@x"]


cell = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
    lambda text: text[:1] != "'"
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=6), st.sampled_from(["csv", "xlsx"]))
def test_what_is_exported_can_be_imported_and_is_what_it_was(tmp_path_factory, rows, format):
    path = tmp_path_factory.mktemp("out") / f"list.{format}"
    sheets.write_to(path, format, ["A", "B", "C"], rows)
    with open_sheet(path) as sheet:
        sheet.delimiter = ","
        back = [tuple(original(value) for value in cells) for _line, cells in sheet.rows()]
    assert back == [("A", "B", "C"), *rows]


def test_a_short_list_comes_at_once_and_a_long_one_as_a_job_for_who_asked(isp, zed, monkeypatch):
    from fiberledger.catalog.models import Plan
    from fiberledger.exports import services
    from fiberledger.jobs.models import Run

    with isp.scope():
        for n in range(5):
            Plan.objects.create(name=f"=Plan {n}", code=f"p{n}", price=Decimal(1000 + n), currency="PKR")
    client = isp.client("owner")
    answer = client.post("/catalog/plans/export/", {"format": "csv", "query": ""})
    assert answer.status_code == 200
    body = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert len(body.splitlines()) == 6 and "'=Plan 0" in body and "1004" in body

    monkeypatch.setattr(services, "AT_ONCE", 2)
    monkeypatch.setattr(services, "CHUNK", 2)
    for format, magic in (("csv", "\ufeff".encode()), ("xlsx", b"PK"), ("pdf", b"%PDF")):
        answer = client.post("/catalog/plans/export/", {"format": format, "query": "sort=name"})
        assert answer.status_code == 302
        isp.run()
        with isp.scope():
            run = Run.objects.filter(kind="export").order_by("-pk").first()
            assert (run.state, run.result["rows"], run.done) == ("done", 5, 5), run.message
        download = client.get(run.url, follow=True)
        assert b"".join(download.streaming_content).startswith(magic)
    assert isp.client("manager").get(run.url).status_code in (403, 404)
    assert zed.client("owner").get(run.url).status_code == 404
