"""Bright ISP brings its customer list in: upload, map, verdicts, take, correct, send again, undo. Through the pages."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path

import python_calamine

DATA = Path(__file__).parents[1] / "data"
VERDICTS = json.loads((DATA / "customers.verdicts.json").read_text())


def send(isp, path_or_bytes, name: str, kind: str = "subscribers"):
    content = path_or_bytes.read_bytes() if isinstance(path_or_bytes, Path) else path_or_bytes
    file = io.BytesIO(content)
    file.name = name
    return isp.client("owner").post("/imports/new/", {"kind": kind, "file": file})


def shown_map(page: str) -> dict[str, str]:
    """What the map page has chosen for each field, as a browser would send it."""
    chosen = {}
    for name, body in re.findall(r'<select name="(field_\w+)".*?>(.*?)</select>', page, re.S):
        picked = re.search(r'<option value="([^"]*)"[^>]* selected', body)
        chosen[name] = picked[1] if picked else ""
    return chosen


def map_and_check(isp, answer, **changes):
    client = isp.client("owner")
    assert answer.status_code == 302, answer.content.decode()[:2000]
    page = client.get(answer.url)
    assert page.status_code == 200
    form = shown_map(page.content.decode()) | {"ask_bill_from": "this", "create_areas": "on"} | changes
    form = {name: value for name, value in form.items() if value is not None}
    checked = client.post(answer.url, form)
    assert checked.status_code == 302, checked.content.decode()[-3000:]
    isp.run()
    return checked.url


def import_plans(isp):
    answer = send(isp, DATA / "plans.csv", "plans.csv", "plans")
    url = map_and_check(isp, answer, ask_bill_from=None, create_areas=None)
    isp.client("owner").post(f"{url}take/")
    isp.run()


def test_a_shop_brings_its_list_in_corrects_it_and_takes_it_back(isp):
    from fiberledger.billing.models import Invoice
    from fiberledger.catalog.models import Plan
    from fiberledger.imports.models import ImportRow, ImportRun
    from fiberledger.ledger.models import LedgerAccount
    from fiberledger.subscribers.models import Subscriber

    client = isp.client("owner")
    import_plans(isp)
    with isp.scope():
        assert {plan.name: plan.price for plan in Plan.objects.all()} == {
            n: Decimal(p) for n, p in VERDICTS["plans"].items()
        }

    # The map is guessed; every row gets its verdict; nothing is stored yet.
    answer = send(isp, DATA / "customers.csv", "customers.csv")
    url = map_and_check(isp, answer)
    with isp.scope():
        run = ImportRun.objects.get(pk=int(re.search(r"(\d+)", url)[1]))
        assert (run.state, run.rows, run.good, run.faulty) == ("checked", 1200, VERDICTS["good"], 117)
        faults = dict(ImportRow.objects.filter(import_run=run).values_list("line", "word"))
        assert not Subscriber.objects.exists()
    assert faults == {mark["line"]: mark["fault"] for mark in VERDICTS["marks"] if mark["fault"]}
    page = client.get(url).content.decode()
    assert (
        "National ID invalid" in page and "35202-12345-1" in page and "35202-1234567-1" in page
    )  # value, and what to write
    only_dates = client.get(f"{url}?fault=date+invalid").content.decode()
    assert "31/02/2026" in only_dates and "35202-12345-1" not in only_dates

    # The good rows are taken.
    assert client.post(f"{url}take/").status_code == 302
    isp.run()
    with isp.scope():
        run.refresh_from_db()
        assert (run.state, run.taken) == ("taken", VERDICTS["good"])
        by_number = {s.number: s for s in Subscriber.objects.select_related("receivable")}
        for mark in VERDICTS["marks"]:
            if mark["fault"]:
                assert mark["id"] not in by_number
            else:
                assert by_number[mark["id"]].phone == mark["phone"]
                assert by_number[mark["id"]].receivable.balance == Decimal(mark["opening"])
        assert by_number["C-1017"].name == "=cmd|calc!A1"
        owed = sum((Decimal(m["opening"]) for m in VERDICTS["marks"] if not m["fault"]), Decimal(0))
        assert sum(a.balance for a in LedgerAccount.objects.filter(is_party=True)) == owed

    # The same file again creates nothing.
    again = map_and_check(isp, send(isp, DATA / "customers.csv", "customers.csv"))
    assert "This very file was imported" in client.get(again).content.decode()
    client.post(f"{again}take/")
    isp.run()
    with isp.scope():
        second = ImportRun.objects.get(pk=int(re.search(r"(\d+)", again)[1]))
        assert (second.taken, second.here, second.faulty) == (0, VERDICTS["good"], 117)
        assert Subscriber.objects.count() == VERDICTS["good"]

    # The faulty rows come back as a workbook, are corrected and sent again.
    workbook = b"".join(client.get(f"{url}errors.xlsx").streaming_content)
    rows = python_calamine.load_workbook(io.BytesIO(workbook)).get_sheet_by_index(0).to_python()
    assert len(rows) == 118
    header = rows[0]
    assert header[-3:] == ["Fault", "What to do", "Row in file"]
    fixed = io.StringIO()
    writer = csv.writer(fixed)
    writer.writerow(header)
    for count, row in enumerate(rows[1:]):
        cell = dict(zip(header, row, strict=True))
        fault = cell["Fault"]
        cell |= {
            "Name missing": {"Full Name": "Asha"}, "Area missing": {"Area": "Model Town"}, "Fee invalid": {"Monthly Fee": "1500"},
            "Date invalid": {"Installation Date": "28-Aug-26"}, "Plan unknown": {"Package": "home 20m"},
            "National ID invalid": {"CNIC": "35202-1234567-1"}, "Coordinates out of range": {"Latitude": "31.5"},
        }.get(fault, {"Mobile No.": f"0345-{count:07d}"})  # fmt: skip
        writer.writerow([cell[name] for name in header])
    corrected = map_and_check(isp, send(isp, fixed.getvalue().encode(), "corrected.csv"))
    client.post(f"{corrected}take/")
    isp.run()
    with isp.scope():
        third = ImportRun.objects.get(pk=int(re.search(r"(\d+)", corrected)[1]))
        assert (third.taken, third.faulty) == (117, 0)
        assert Subscriber.objects.count() == 1200

    # Undo: refused while something depends on it, naming it; then whole.
    with isp.scope():
        from fiberledger.subscribers import services as subscribers

        paying = Subscriber.objects.get(number="C-1001")
        note = subscribers.add_note(paying, "Asked for a receipt", by=isp.system())
    client.post(f"{url}undo/")
    isp.run()
    with isp.scope():
        run.refresh_from_db()
        assert run.state == "taken"
        subscribers.remove_note(note, by=isp.system())
    client.post(f"{url}undo/")
    isp.run()
    with isp.scope():
        run.refresh_from_db()
        assert run.state == "undone", run.problem
        assert Subscriber.objects.count() == 117
        third_owed = sum(a.balance for a in LedgerAccount.objects.filter(is_party=True))
        assert (
            not Invoice.objects.filter(kind="opening")
            .exclude(status="void")
            .exclude(subscriber__in=Subscriber.objects.all())
            .exists()
        )
        assert third_owed == sum(s.receivable.balance for s in Subscriber.objects.select_related("receivable"))

    # And what was undone can be brought in anew.
    anew = map_and_check(isp, send(isp, DATA / "customers.csv", "customers.csv"))
    client.post(f"{anew}take/")
    isp.run()
    with isp.scope():
        assert ImportRun.objects.get(pk=int(re.search(r"(\d+)", anew)[1])).taken == VERDICTS["good"]
        assert Subscriber.objects.count() == 1200
