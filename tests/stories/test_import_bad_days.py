"""The import's bad days: a worker killed in the middle, two at once, files that lie, a map that is wrong, a curious neighbour."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"
VERDICTS = json.loads((DATA / "customers.verdicts.json").read_text())
EXPECTED = [(mark["line"], mark["fault"]) for mark in VERDICTS["marks"]]


def small_list(path: Path, count: int, **columns) -> Path:
    head = ["Name", "Mobile", "Area", "Address", "Status", *columns]
    with path.open("w") as out:
        out.write(",".join(head) + "\n")
        for n in range(count):
            row = [
                f"Person {n}",
                f"0300{n:07d}",
                "Model Town",
                f"House {n}",
                "lead",
                *(value(n) for value in columns.values()),
            ]
            out.write(",".join(map(str, row)) + "\n")
    return path


def receive(isp, path: Path, **options):
    from fiberledger.imports import services

    with isp.scope():
        run = services.receive("subscribers", path, path.name, by=isp.system())
        return services.set_map(run, run.map, options={"create_missing": ["areas"], **options}, by=isp.system())


def take(isp, run, told=None):
    from fiberledger.imports import services

    services.take(isp.tenant.pk, run.pk, by=isp.system(), told=told)
    with isp.scope():
        run.refresh_from_db()
    return run


def add_plans(isp):
    from fiberledger.catalog.models import Plan

    with isp.scope():
        for name, price in VERDICTS["plans"].items():
            Plan.objects.create(name=name, code=name, price=Decimal(price), currency="PKR")


def fiberledger(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "fiberledger", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_kill_9_in_the_middle_of_an_import_loses_nothing_and_doubles_nothing(isp, tmp_path):
    from fiberledger.imports.models import ImportRun
    from fiberledger.subscribers.models import Subscriber

    path = small_list(tmp_path / "list.csv", 6000, Balance=lambda n: 350 if n % 3 == 0 else 0)
    arguments = ("import", "subscribers", str(path), "--tenant", isp.tenant.slug, "--create-missing", "areas", "--json")
    killed = fiberledger(*arguments)
    try:
        for _tick in range(1200):
            with isp.scope():
                half = ImportRun.objects.filter(checkpoint__gt=0).first()
            if half or killed.poll() is not None:
                break
            time.sleep(0.05)
    finally:
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
    with isp.scope():
        half = ImportRun.objects.get()
        stored = Subscriber.objects.count()
        assert stored == half.taken  # what is counted is stored, what is stored is counted
    assert 0 < stored <= 6000

    # The worker comes back: it goes on behind its checkpoint.
    half = take(isp, half)
    with isp.scope():
        assert (half.state, half.taken, half.faulty) == ("taken", 6000, 0)
        assert Subscriber.objects.count() == 6000
        assert sum(s.receivable.balance for s in Subscriber.objects.select_related("receivable")) == 2000 * 350
    isp.prove_books()

    # And somebody who just starts over finds all of them here.
    done = fiberledger(*arguments)
    out, _err = done.communicate(timeout=300)
    assert done.returncode == 0
    answer = json.loads(out)
    assert (answer["taken"], answer["already_here"]) == (0, 6000)


def test_an_import_that_broke_goes_on_where_it_stopped(isp, tmp_path, monkeypatch):
    from fiberledger.imports import services
    from fiberledger.onboarding.subscribers import SubscriberImporter
    from fiberledger.subscribers.models import Subscriber

    monkeypatch.setattr(services, "PART", 10)
    path = small_list(tmp_path / "list.csv", 35)
    path.write_text(
        path.read_text() + "Person 3,03000000003,Model Town,House 3,lead\n"
    )  # row 5 again: a phone of a settled part
    run = receive(isp, path)
    whole, calls = SubscriberImporter.take, []

    def breaks(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("power cut")
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(SubscriberImporter, "take", breaks)
    with pytest.raises(RuntimeError):
        take(isp, run)
    with isp.scope():
        run.refresh_from_db()
        assert (run.taken, run.checkpoint, Subscriber.objects.count()) == (20, 21, 20)
    told = []
    run = take(isp, run, told=lambda line, word: told.append((line, word)))
    with isp.scope():
        assert (run.state, run.taken, run.faulty) == ("taken", 35, 1)
        assert Subscriber.objects.count() == 35
    assert [line for line, _word in told] == list(range(2, 38))
    assert told[-1] == (37, "phone duplicate in file")


def test_all_or_nothing_takes_nothing_while_a_row_has_a_fault(isp, tmp_path):
    from fiberledger.imports.models import ImportRow
    from fiberledger.subscribers.models import Subscriber
    from fiberledger.tenancy import Refusal

    path = small_list(tmp_path / "list.csv", 20)
    broken = tmp_path / "broken.csv"
    broken.write_text(path.read_text() + "Nobody,n/a,Model Town,House,lead\n")
    run = receive(isp, broken, all_or_nothing=True)
    with pytest.raises(Refusal, match="Nothing was taken: 1 rows"):
        take(isp, run)
    with isp.scope():
        assert not Subscriber.objects.exists()
        assert ImportRow.objects.get(import_run=run).line == 22
    run = take(isp, receive(isp, path, all_or_nothing=True))
    assert (run.state, run.taken) == ("taken", 20)


def test_two_imports_of_one_file_at_once_store_every_row_once(isp, tmp_path, monkeypatch):
    from django.db import connections

    from fiberledger.imports import services
    from fiberledger.subscribers.models import Subscriber
    from fiberledger.tenancy import Refusal

    monkeypatch.setattr(services, "PART", 40)
    path = small_list(tmp_path / "list.csv", 200)
    runs = [receive(isp, path), receive(isp, path)]
    with isp.scope():
        from fiberledger.places.services import areas_for

        areas_for([("", "Model Town")], create=True, by=isp.system())
    start, problems = threading.Barrier(2), []

    def work(run):
        try:
            start.wait()
            services.take(isp.tenant.pk, run.pk, by=isp.system())
        except Refusal as refusal:
            problems.append(str(refusal))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with isp.scope():
        assert Subscriber.objects.count() == 200
        for run in runs:
            run.refresh_from_db()
        assert sum(run.taken for run in runs) == 200
        assert all(run.taken + run.here == 200 for run in runs)


@pytest.mark.parametrize("shape", ["utf-16", "utf-8-sig", "semicolons", "xlsx", "ods", "title above"])
def test_the_same_list_in_another_dress_has_the_same_verdicts(isp, tmp_path, shape):
    import csv

    from fiberledger.imports import services
    from fiberledger.imports.tests.makers import ods, xlsx

    add_plans(isp)
    text = (DATA / "customers.csv").read_text("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    path, shift = tmp_path / "list.csv", 0
    if shape in ("utf-16", "utf-8-sig"):
        path.write_bytes(text.encode(shape))
    elif shape == "xlsx":
        xlsx(path := tmp_path / "list.xlsx", rows, options={"strings_to_formulas": False, "strings_to_urls": False})
    elif shape == "ods":
        ods(
            path := tmp_path / "list.ods",
            [[cell.replace("&", "&amp;").replace("<", "&lt;") for cell in row] for row in rows],
        )
    else:
        out = io.StringIO()
        if shape == "title above":
            out.write("Bright ISP customers,,\n,,\n")
            shift = 2
        csv.writer(out, delimiter=";" if shape == "semicolons" else ",").writerows(rows)
        path.write_text(out.getvalue())
    run, told = receive(isp, path), []
    services.check(isp.tenant.pk, run.pk, by=isp.system(), told=lambda line, word: told.append((line, word)))
    assert told == [(line + shift, fault) for line, fault in EXPECTED]


def test_the_page_refuses_a_picture_and_a_bomb_in_words_and_keeps_nothing(isp, tmp_path):
    from fiberledger.files.models import File
    from fiberledger.imports.models import ImportRun

    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 100_000_000)
    for content, words in (
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "picture"),
        (bomb.getvalue(), "unpack"),
        (b"Name\n", "no row below"),
    ):
        file = io.BytesIO(content)
        file.name = "customers.xlsx"
        answer = isp.client("owner").post("/imports/new/", {"kind": "subscribers", "file": file})
        assert answer.status_code == 422 and words in answer.content.decode()
    with isp.scope():
        assert not ImportRun.objects.exists() and not File.objects.exists()


def test_who_may_not_import_may_not_and_a_neighbour_sees_nothing(isp, zed, tmp_path):
    run = receive(isp, small_list(tmp_path / "list.csv", 3))
    assert isp.client("cashier").get("/imports/new/").status_code == 403
    for path in (f"/imports/{run.pk}/", f"/imports/{run.pk}/map/", f"/imports/{run.pk}/errors.csv"):
        assert zed.client("owner").get(path).status_code == 404
    assert zed.client("owner").post(f"/imports/{run.pk}/take/").status_code == 404


def test_places_and_plans_are_created_only_where_one_asked_for_it(isp, tmp_path):
    from fiberledger.catalog.models import Plan
    from fiberledger.imports import services
    from fiberledger.places.models import Area

    path = tmp_path / "list.csv"
    path.write_text(
        "Name,Mobile,City,Area,Address,Package,Fee\n"
        "Asha,03001234567,Lahore,Model Town,House 1,Home 30M,2500\n"
        "Ravi,03001234568,LAHORE,model  town,House 2,home 30m,2500\n"
        "Zed,03001234569,Kasur,Model Town,House 3,Home 40M,\n"
    )
    run, told = receive(isp, path, create_missing=[]), []
    services.check(isp.tenant.pk, run.pk, by=isp.system(), told=lambda line, word: told.append(word))
    assert told == ["area unknown"] * 3
    run = take(isp, receive(isp, path, create_missing=["areas", "plans"]))
    assert (run.taken, run.faulty) == (2, 1)  # a plan that is to be created needs a fee
    with isp.scope():
        assert [(plan.name, plan.price) for plan in Plan.objects.all()] == [("Home 30M", 2500)]
        assert sorted(Area.objects.values_list("path_names", flat=True)) == ["Lahore", "Lahore › Model Town"]


def test_a_taken_phone_or_login_is_named_and_a_number_is_given_where_there_is_none(isp, tmp_path):
    from fiberledger.imports import services
    from fiberledger.subscribers.models import Subscriber

    add_plans(isp)
    first = tmp_path / "first.csv"
    first.write_text("Name,Mobile,Area,Address,Package,PPPoE User\nAsha,03001234567,Model Town,House 1,Home 5M,asha\n")
    assert take(isp, receive(isp, first)).taken == 1
    with isp.scope():
        assert Subscriber.objects.get().number == "C-00001"
    second = tmp_path / "second.csv"
    second.write_text(
        "ID,Name,Mobile,Area,Address,Package,PPPoE User\n"
        "C-00001,Ravi,03009999999,Model Town,House 2,Home 5M,ravi\n"
        "C-7,Ravi,03001234567,Model Town,House 2,Home 5M,ravi\n"
        "C-8,Ravi,03009999998,Model Town,House 2,Home 5M,ASHA\n"
        "C-9,Ravi,03009999997,Model Town,House 2,Home 5M,o'brien;9\n"
        "C-9,Rani,03009999996,Model Town,House 2,Home 5M,rani\n"
        "C-10,Rani,03009999995,Model Town,House 2,Home 5M,O'Brien;9\n"
    )
    run, told = receive(isp, second), []
    services.check(isp.tenant.pk, run.pk, by=isp.system(), told=lambda line, word: told.append(word))
    assert told == [
        "number taken", "phone taken", "username taken", None, "number duplicate in file", "username duplicate in file",
    ]  # fmt: skip


def test_a_map_that_cannot_be_is_refused_on_the_form_and_a_good_one_is_remembered(isp, tmp_path):
    from fiberledger.imports.models import ImportRun

    client = isp.client("owner")
    path = tmp_path / "odd.csv"
    path.write_text(
        "A,B,C,D\nAsha,03001234567,Model Town,House 1\nRavi,03001234568,Model Town,House 2\nZed,03001234569,Model Town,House 3\n"
    )

    def send():
        with path.open("rb") as file:
            return client.post("/imports/new/", {"kind": "subscribers", "file": file}).url

    url = send()
    page = client.get(url).content.decode()
    assert "03001234567" in page  # the columns show what is in them
    form = {"field_name": "A", "field_phone": "A", "field_area": "C", "field_address": "D", "ask_bill_from": "this"}
    answer = client.post(url, form)
    assert answer.status_code == 422 and "used for two fields" in answer.content.decode()
    answer = client.post(url, form | {"field_phone": ""})
    assert answer.status_code == 422
    assert client.post(url, form | {"field_phone": "B", "keep_as": "Old shop"}).status_code == 302
    send()
    with isp.scope():
        again = ImportRun.objects.newest_first().first()
        assert again.map == {"name": "A", "phone": "B", "area": "C", "address": "D"}
