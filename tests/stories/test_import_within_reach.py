"""A manager who works for one part of Bright ISP brings a list in: nobody outside of that part comes along. Over HTTP."""

from __future__ import annotations

import csv
import io
import re

import pytest

HEAD = "Name,Mobile,City,Area,Address,Status,Reseller\n"


@pytest.fixture
def places(isp):
    """{name: area}: Lahore with Model Town and Samanabad (branch Lahore), Kasur with Main Bazar (branch Kasur)."""
    from fiberledger.places.models import Area, Branch
    from fiberledger.places.services import areas_for

    pairs = [("Lahore", "Model Town"), ("Lahore", "Samanabad"), ("Kasur", "Main Bazar")]
    with isp.scope():
        areas_for(pairs, create=True, by=isp.system())
        for city in ("Lahore", "Kasur"):
            Area.objects.filter(name=city).update(branch=Branch.objects.create(name=city, code=city[:3]))
        return {area.name: area for area in Area.objects.select_related("branch")}


def browser(isp, **scope):
    from django.test import Client

    from tests.stage import PASSWORD

    client = Client(headers={"host": isp.host})
    email = isp.member("manager", **scope).user.email
    assert client.post("/login/", {"email": email, "password": PASSWORD}).status_code == 302
    return client


def bring_in(isp, client, rows: str, **form):
    """Send, map, check, take; returns the page after the check and the run."""
    from fiberledger.imports.models import ImportRun

    file = io.BytesIO((HEAD + rows).encode())
    file.name = "mine.csv"
    url = client.post("/imports/new/", {"kind": "subscribers", "file": file}).url
    fields = {
        "field_name": "Name", "field_phone": "Mobile", "field_city": "City", "field_area": "Area", "field_address": "Address",
        "field_status": "Status", "field_reseller": "Reseller", "ask_bill_from": "this", **form,
    }  # fmt: skip
    answer = client.post(url, fields)
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    isp.run()
    page = client.get(answer.url).content.decode()
    client.post(f"{answer.url}take/")
    isp.run()
    with isp.scope():
        return page, ImportRun.objects.get(pk=int(re.search(r"\d+", answer.url)[0]))


def stored(isp):
    from fiberledger.subscribers.models import Subscriber

    with isp.scope():
        return list(Subscriber.objects.order_by("name").values_list("name", flat=True))


def faults_of(isp, run):
    from fiberledger.imports.models import ImportRow

    with isp.scope():
        return dict(ImportRow.objects.filter(import_run=run).values_list("line", "word"))


LIST = (
    "Asha,03001234561,Lahore,Model Town,House 1,lead,\n"
    "Babar,03001234562,Lahore,Samanabad,House 2,lead,\n"
    "Chand,03001234563,Kasur,Main Bazar,House 3,lead,\n"
    "Dilawar,03001234564,Kasur,Nowhere,House 4,lead,\n"
)


def test_an_areas_manager_brings_in_that_area_only(isp, places):
    client = browser(isp, scope="areas", area_ids=[places["Model Town"].pk])
    page, run = bring_in(isp, client, LIST, create_areas="on")
    assert stored(isp) == ["Asha"]
    assert faults_of(isp, run) == {3: "area out of reach", 4: "area out of reach", 5: "area unknown"}
    assert "Area not yours" in page and "of your own areas and branches" in page
    rows = list(
        csv.reader(io.StringIO(b"".join(client.get(f"/imports/{run.pk}/errors.csv").streaming_content).decode()))
    )
    assert [row[-3] for row in rows[1:]] == ["Area not yours", "Area not yours", "Area unknown"]


def test_a_branchs_manager_brings_in_what_the_branch_serves(isp, places):
    client = browser(isp, scope="branches", branch_ids=[places["Lahore"].branch_id])
    _page, run = bring_in(isp, client, LIST)
    assert stored(isp) == ["Asha", "Babar"]
    assert faults_of(isp, run) == {4: "area out of reach", 5: "area unknown"}
    _page, again = bring_in(isp, client, LIST)
    assert (again.taken, again.here, again.faulty) == (0, 2, 2)


def test_a_resellers_manager_brings_in_that_resellers_people_only(isp, places):
    client = browser(isp, scope="resellers", reseller_names=["Kasur Link"])
    _page, run = bring_in(
        isp, client, LIST.replace("1,lead,\n", "1,lead,Kasur Link\n").replace("2,lead,\n", "2,lead,Lahore Link\n")
    )
    assert stored(isp) == ["Asha"]
    assert faults_of(isp, run) == {3: "reseller out of reach", 4: "reseller out of reach", 5: "area unknown"}


def test_whoever_sees_only_their_own_people_brings_in_their_own(isp, places):
    from fiberledger.subscribers.models import Subscriber

    client = browser(isp, scope="assigned")
    bring_in(isp, client, LIST)
    assert stored(isp) == ["Asha", "Babar", "Chand"]
    with isp.scope():
        assert Subscriber.objects.filter(collector__isnull=True).count() == 0
    assert "Chand" in client.get("/subscribers/").content.decode()


def test_a_part_knows_nothing_of_the_whole_s_imports_and_undoes_none(isp, places):
    from fiberledger.imports.models import ImportRun

    owner = isp.client("owner")
    _page, run = bring_in(isp, owner, LIST)
    assert stored(isp) == ["Asha", "Babar", "Chand"]
    client = browser(isp, scope="areas", area_ids=[places["Model Town"].pk])
    for path in ("", "map/", "errors.csv"):
        assert client.get(f"/imports/{run.pk}/{path}").status_code == 404
    for verb in ("take", "check", "undo", "discard"):
        assert client.post(f"/imports/{run.pk}/{verb}/").status_code == 404
    assert "mine.csv" not in client.get("/imports/").content.decode()
    assert "mine.csv" in owner.get("/imports/").content.decode()
    isp.run()
    with isp.scope():
        assert ImportRun.objects.get(pk=run.pk).state == "taken"


def test_a_scope_that_was_narrowed_meanwhile_is_the_one_that_counts(isp, places):
    from fiberledger.identity.models import MembershipArea
    from fiberledger.imports.models import ImportRun

    client = browser(isp, scope="areas", area_ids=[places["Model Town"].pk, places["Samanabad"].pk])
    file = io.BytesIO((HEAD + LIST).encode())
    file.name = "mine.csv"
    url = client.post("/imports/new/", {"kind": "subscribers", "file": file}).url
    form = {"field_name": "Name", "field_phone": "Mobile", "field_city": "City", "field_area": "Area", "field_address": "Address",
            "field_status": "Status", "ask_bill_from": "this"}  # fmt: skip
    shown = client.post(url, form).url
    isp.run()
    client.post(f"{shown}take/")
    with isp.scope():
        assert ImportRun.objects.get().good == 2
        MembershipArea.objects.filter(area=places["Samanabad"]).delete()
    isp.run()
    assert stored(isp) == ["Asha"]


def test_an_unlimited_manager_meets_none_of_this(isp, places):
    _page, run = bring_in(isp, browser(isp), LIST, create_areas="on")
    assert stored(isp) == ["Asha", "Babar", "Chand", "Dilawar"]
    assert run.faulty == 0
