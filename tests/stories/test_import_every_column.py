"""A list with everything that a subscriber's record holds: branch, collector, tags, a note, a login with its password."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys

import pytest

from fiberledger.subscribers.models import Subscriber
from tests.stories.test_import_month_begins import map_and_check, send

HEAD = (
    "Customer ID,Full Name,Mobile No.,Alternate Mobile,WhatsApp No,Email,City,Area,Address,House No,Branch,Collector,Package,"
    "PPPoE User,PPPoE Password,Static IP,Caller-ID,Tags,Remarks,Language,VIP"
).split(",")
ASHA = {
    "Customer ID": "A-1", "Full Name": "Asha Bibi", "Mobile No.": "0300-1234567", "Alternate Mobile": "042-35761234",
    "WhatsApp No": "0300-1234568", "Email": "asha@example.org", "City": "Lahore", "Area": "Model Town", "Address": "Near the park",
    "House No": "Street 9, House 5", "Branch": "khi-1", "Collector": "", "Package": "Home 20", "PPPoE User": "asha",
    "PPPoE Password": "tr0ub4dor&3", "Static IP": "10.20.30.40", "Caller-ID": "aa-bb-cc-dd-ee-ff", "Tags": "Shop; fibre only | SHOP",
    "Remarks": "Knows the dog.\nCall first.", "Language": "اردو", "VIP": "Yes",
}  # fmt: skip
PLAIN = {"Full Name": "Babar", "Mobile No.": "0300-1234569", "City": "Lahore", "Area": "Model Town", "Address": "House 6",
         "Package": "Home 20"}  # fmt: skip


def sheet(*rows: dict[str, str]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, HEAD, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


@pytest.fixture
def shop(isp):
    """Two branches, Model Town in Lahore's, a collector called Ravi, and a tag that is there already."""
    from fiberledger.places.models import Area, Branch
    from fiberledger.places.services import areas_for
    from fiberledger.subscribers.models import Tag

    isp.plan()
    isp.ravi = isp.member("collector")
    isp.ravi.user.name = "Ravi Kumar"
    isp.ravi.user.save(update_fields=["name"])
    with isp.scope():
        areas_for([("Lahore", "Model Town"), ("Karachi", "Clifton")], create=True, by=isp.system())
        for city, code in (("Lahore", "LHR-1"), ("Karachi", "KHI-1")):
            Area.objects.filter(name=city).update(branch=Branch.objects.create(name=f"{city} office", code=code))
        isp.branch = {branch.code: branch for branch in Branch.objects.all()}
        Tag.objects.create(name="shop")
    return isp


def the_run(isp, url):
    from fiberledger.imports.models import ImportRun

    with isp.scope():
        return ImportRun.objects.get(pk=int(re.search(r"\d+", url)[0]))


def take(isp, content: bytes, name: str = "list.csv"):
    url = map_and_check(isp, send(isp, content, name))
    isp.client("owner").post(f"{url}take/")
    isp.run()
    return url, the_run(isp, url)


def proven_to_be_asha(isp, collector):
    from fiberledger.access.models import AccessAccount
    from fiberledger.audit.models import Entry
    from fiberledger.subscribers.models import Subscriber

    with isp.scope():
        asha = Subscriber.objects.get(number="A-1")
        assert (asha.phone2, asha.whatsapp, asha.email) == ("+924235761234", "+923001234568", "asha@example.org")
        assert (asha.street_house, asha.branch.code, asha.collector) == ("Street 9, House 5", "KHI-1", collector)
        assert (asha.language, asha.is_vip) == ("ur", True)
        assert sorted(tag.name for tag in asha.tags.all()) == ["fibre only", "shop"]
        assert [note.text for note in asha.notes.all()] == ["Knows the dog.\nCall first."]
        account = AccessAccount.objects.get(subscription__subscriber=asha)
        assert account.plain_password() == "tr0ub4dor&3"
        assert b"tr0ub4dor" not in bytes(account.password)
        assert (account.static_ip, account.only_mac) == ("10.20.30.40", "AA:BB:CC:DD:EE:FF")
        assert Subscriber.objects.get(pk=asha.pk).extra_search == "asha AA:BB:CC:DD:EE:FF"
        logged = list(Entry.objects.values_list("before", "after", "extra", "target_label"))
        assert logged and "tr0ub4dor" not in json.dumps(logged)
        return asha


def test_a_list_with_everything_comes_in_once_and_goes_back_whole(shop):
    from fiberledger.subscribers.models import Note, Subscriber, SubscriberTag, Tag

    isp, client = shop, shop.client("owner")
    rows = [ASHA | {"Collector": "ravi  kumar"}, PLAIN]
    answer = send(isp, sheet(*rows), "list.csv")
    page = client.get(answer.url).content.decode()
    assert "Knows the dog." in page and "tr0ub4dor" not in page and "•••" in page

    url = map_and_check(isp, answer)
    page = client.get(url).content.decode()
    for shown in ("Street 9, House 5", "khi-1", "ravi kumar", "Shop, fibre only", "Knows the dog.", "10.20.30.40"):
        assert shown in page
    assert "tr0ub4dor" not in page
    client.post(f"{url}take/")
    isp.run()
    assert (the_run(isp, url).taken, the_run(isp, url).faulty) == (2, 0)
    proven_to_be_asha(isp, isp.ravi)
    with isp.scope():
        babar = Subscriber.objects.get(name="Babar")
        assert (babar.branch.code, babar.collector, babar.is_vip, babar.language) == ("LHR-1", None, False, "")
        assert not babar.tags.exists() and not babar.notes.exists()

    _url, again = take(isp, sheet(*rows), "again.csv")
    assert (again.taken, again.here, again.faulty) == (0, 2, 0)
    with isp.scope():
        assert (Tag.objects.count(), SubscriberTag.objects.count(), Note.objects.count()) == (2, 2, 1)

    # What the import itself brought is no reason to keep it; what somebody added since is.
    from fiberledger.subscribers import services as subscribers

    with isp.scope():
        note = subscribers.add_note(Subscriber.objects.get(number="A-1"), "Paid at the door", by=isp.system())
    client.post(f"{url}undo/")
    isp.run()
    assert the_run(isp, url).state == "taken"
    with isp.scope():
        subscribers.remove_note(note, by=isp.system())
    client.post(f"{url}undo/")
    isp.run()
    assert the_run(isp, url).state == "undone"
    with isp.scope():
        assert not Subscriber.objects.exists() and not Note.objects.exists() and not SubscriberTag.objects.exists()
        assert Tag.objects.count() == 2

    _url, anew = take(isp, sheet(*rows), "anew.csv")
    assert (anew.taken, anew.faulty) == (2, 0)
    proven_to_be_asha(isp, isp.ravi)


def test_each_cell_that_cannot_be_has_its_own_fault_and_comes_back_to_be_corrected(shop):
    from fiberledger.imports.models import ImportRow
    from fiberledger.subscribers.models import Subscriber

    isp, client = shop, shop.client("owner")
    for _twice in range(2):
        twin = isp.member("collector")
        twin.user.name = "Ali Khan"
        twin.user.save(update_fields=["name"])
    wrong = [
        ({"House No": "5" * 121}, "street house too long"),
        ({"Branch": "Multan"}, "branch unknown"),
        ({"Collector": "Nobody"}, "collector unknown"),
        ({"Collector": "Ali Khan"}, "collector ambiguous"),
        ({"PPPoE User": "u4", "PPPoE Password": "hush" * 16}, "password invalid"),
        ({"Static IP": "10.20.30.4"}, "username missing"),
        ({"PPPoE User": "u6", "Static IP": "10.20.30"}, "static ip invalid"),
        ({"PPPoE User": "u7", "Caller-ID": "router"}, "mac invalid"),
        ({"Tags": "t" * 41}, "tags invalid"),
        ({"Remarks": "n" * 4001}, "note too long"),
        ({"Language": "Klingon"}, "language unknown"),
        ({"VIP": "perhaps"}, "vip unknown"),
        ({"PPPoE User": "u12", "Static IP": "10.20.30.50"}, None),
        ({"PPPoE User": "u13", "Static IP": "10.20.30.50"}, "static ip duplicate in file"),
    ]
    rows = [
        PLAIN | {"Full Name": f"P{n}", "Mobile No.": f"0300-55555{n:02}"} | cells for n, (cells, _) in enumerate(wrong)
    ]
    rows.append(ASHA | {"Collector": isp.ravi.user.email.upper()})  # what the cells are, told by a good row
    url, run = take(isp, sheet(*rows))
    with isp.scope():
        found = dict(ImportRow.objects.filter(import_run=run).values_list("line", "faults"))
    lines = {line: [fault[0] for fault in faults] for line, faults in found.items()}
    assert lines == {n + 2: [word] for n, (_cells, word) in enumerate(wrong) if word}
    assert "hush" not in json.dumps(list(found.values()))
    assert run.taken == 2
    page = client.get(url).content.decode()
    assert "Write the name or code of one of your open branches" in page and "hushhush" not in page

    # Taken now: an address that another line has; and in Urdu.
    _url, second = take(
        isp,
        sheet(PLAIN | {"Mobile No.": "0300-7777777", "PPPoE User": "late", "Static IP": "10.20.30.50"}),
        "second.csv",
    )
    with isp.scope():
        assert ImportRow.objects.get(import_run=second).word == "static ip taken"
    client.post("/account/preference/", {"language": "ur"})
    error_file = b"".join(client.get(f"{url}errors.csv").streaming_content).decode("utf-8-sig")
    client.post("/account/preference/", {"language": "en"})
    assert "برانچ نامعلوم" in error_file and "اپنی کسی کھلی برانچ کا نام یا کوڈ لکھیں" in error_file
    header, *faulty = csv.reader(io.StringIO(error_file))
    assert header[: len(HEAD)] == HEAD and len(faulty) == 13
    right = {"House No": "5", "Branch": "Lahore Office", "Collector": isp.ravi.user.email, "PPPoE Password": "", "Static IP": "",
             "Caller-ID": "", "Tags": "new, Shop", "Remarks": "", "Language": "English", "VIP": "no"}  # fmt: skip
    corrected = [dict(zip(HEAD, row, strict=False)) | right for row in faulty]
    _url, third = take(isp, sheet(*corrected), "corrected.csv")
    assert (third.taken, third.faulty) == (13, 0)
    with isp.scope():
        everybody = Subscriber.objects.filter(name__startswith="P").exclude(name="P12")
        assert everybody.filter(tags__name="new").count() == everybody.filter(tags__name="shop").count() == 13
        assert set(everybody.values_list("branch__code", "collector", "language")) == {("LHR-1", isp.ravi.pk, "en")}


def test_the_command_takes_the_same_columns_and_tells_the_same_faults(shop, tmp_path):
    isp, path = shop, tmp_path / "list.csv"
    unknown = PLAIN | {"Branch": "Multan", "PPPoE User": "b", "PPPoE Password": "s3cret"}
    path.write_bytes(sheet(ASHA | {"Collector": isp.ravi.user.email}, unknown))
    errors = tmp_path / "errors.csv"
    arguments = ["import", "subscribers", str(path), "--tenant", isp.tenant.slug, "--json", "--errors", str(errors)]

    def run(*more):
        command = [sys.executable, "-m", "fiberledger", *arguments, *more]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "tr0ub4dor" not in done.stdout + done.stderr and "s3cret" not in done.stdout + done.stderr
        return json.loads(done.stdout)

    answer = run()
    assert [row["fault"] for row in answer["rows"]] == [None, "branch unknown"]
    assert answer["created"]["subscribers.note"] == 1 and answer["created"]["subscribers.tag"] == 1
    proven_to_be_asha(isp, isp.ravi)
    assert "Write the name or code of one of your open branches" in errors.read_text("utf-8-sig")
    again = run()
    assert (again["taken"], again["already_here"], again["faulty"]) == (0, 1, 1)

    names = {"number": "Customer ID", "name": "Full Name", "phone": "Mobile No.", "city": "City", "area": "Area", "plan": "Package",
             "address": "Address", "branch": "Email", "only_mac": "Caller-ID"}  # fmt: skip
    chosen = tmp_path / "map.json"
    chosen.write_text(json.dumps(names))
    assert [row["fault"] for row in run("--map", str(chosen), "--dry-run")["rows"]] == ["branch unknown", None]


def test_who_works_for_a_branch_gives_people_to_that_branch_and_its_staff_only(shop):
    from django.test import Client

    from fiberledger.imports.models import ImportRow
    from fiberledger.subscribers.models import Subscriber
    from tests.stage import PASSWORD

    isp = shop
    lahore, karachi = isp.branch["LHR-1"], isp.branch["KHI-1"]
    manager = isp.member("manager", scope="branches", branch_ids=[lahore.pk])
    near = isp.member("collector", scope="branches", branch_ids=[lahore.pk])
    far = isp.member("collector", scope="branches", branch_ids=[lahore.pk, karachi.pk])
    given = isp.member("collector", scope="assigned")
    client = isp._clients["owner"] = Client(headers={"host": isp.host})
    assert client.post("/login/", {"email": manager.user.email, "password": PASSWORD}).status_code == 302
    wishes = [
        ({"Branch": "Lahore office", "Collector": near.user.email}, None),
        ({"Branch": "KHI-1"}, "branch out of reach"),
        ({"Collector": far.user.email}, "collector out of reach"),
        ({"Collector": manager.user.email}, None),
        ({"Collector": given.user.email}, None),
        ({"Area": "Clifton", "City": "Karachi", "Branch": "LHR-1"}, "area out of reach"),
    ]
    rows = [
        PLAIN | {"Full Name": f"P{n}", "Mobile No.": f"0300-55555{n:02}"} | cells for n, (cells, _) in enumerate(wishes)
    ]
    url = map_and_check(isp, send(isp, sheet(*rows), "mine.csv"), create_areas=None)
    client.post(f"{url}take/")
    isp.run()
    with isp.scope():
        assert dict(ImportRow.objects.values_list("line", "word")) == {
            n + 2: word for n, (_cells, word) in enumerate(wishes) if word
        }
        assert list(Subscriber.objects.order_by("name").values_list("branch", "collector")) == [
            (lahore.pk, near.pk), (lahore.pk, manager.pk), (lahore.pk, given.pk),
        ]  # fmt: skip


def test_a_list_that_was_taken_out_is_known_by_its_own_headers(shop):
    isp, client = shop, shop.client("owner")
    take(isp, sheet(ASHA | {"Collector": isp.ravi.user.email}))
    answer = client.post("/subscribers/export/", {"format": "csv", "query": ""})
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    answer = send(isp, body, "taken out.csv")
    assert the_run(isp, answer.url).map == {
        "number": "Number", "name": "Name", "guardian": "Father or husband", "phone": "Phone", "phone2": "Second phone",
        "whatsapp": "WhatsApp", "email": "E-mail", "national_id": "National ID", "area": "Area", "address": "Address",
        "street_house": "Street and house", "branch": "Branch", "plan": "Plan", "fee": "Monthly fee", "status": "Status",
        "installed_on": "Installed on", "username": "Username", "reseller": "Reseller", "collector": "Collector",
        "opening_balance": "Owes", "latitude": "Latitude", "longitude": "Longitude", "tags": "Tags", "language": "Language",
        "is_vip": "VIP",
    }  # fmt: skip
    _url, again = take(isp, body, "taken out.csv")
    assert (again.taken, again.here, again.faulty) == (0, 1, 0)


def test_more_rows_ask_no_more_questions(shop):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from fiberledger.imports import services

    isp = shop

    def questions(start: int, count: int) -> int:
        rows = [
            ASHA | {
                "Customer ID": f"Q-{n}", "Full Name": f"P{n}", "Mobile No.": f"0301-{n:07}", "PPPoE User": f"user{n}",
                "Static IP": f"10.1.{n // 250}.{n % 250 + 1}", "Collector": isp.ravi.user.email, "Tags": f"t{n % 3 + start},shop",
            }
            for n in range(start, start + count)
        ]  # fmt: skip
        run = the_run(isp, send(isp, sheet(*rows), "many.csv").url)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            services.take(isp.tenant.pk, run.pk, by=isp.system())
        assert the_run(isp, f"/{run.pk}/").taken == count
        return len(asked)

    questions(9000, 3)  # what is looked up once and kept is not counted
    assert questions(1000, 300) == questions(5000, 30)


def test_who_has_no_branches_and_no_team_yet_moves_in_all_the_same(isp, tmp_path):
    isp.member("owner")
    file = tmp_path / "list.csv"
    file.write_text(
        "Name,Phone,City,Area,Address,Package,Fee,Branch,Collector\nAsha Khan,03001234567,Lahore,Model Town,House 5,Home 20,1200,Main,Ravi\n"
    )
    answer = subprocess.run(
        [sys.executable, "-m", "fiberledger", "import", "subscribers", str(file), "--tenant", isp.tenant.slug,
         "--create-missing", "areas,plans", "--json"], capture_output=True, text=True,
    )  # fmt: skip
    assert [row["fault"] for row in json.loads(answer.stdout)["rows"]] == [None]
    with isp.scope():
        asha = Subscriber.objects.get()
        assert (asha.branch, asha.collector) == (None, None)
