"""The clerk's day over HTTP: register and sell on one page, find, edit, cut, resume, archive, restore."""

import re
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from fiberledger import calendar
from fiberledger.catalog.models import Plan
from fiberledger.places.models import Area
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscriptions.models import Subscription


@pytest.fixture
def day(isp):
    from .shop import Shop

    with isp.scope():
        shop = Shop(isp)
        today = calendar.today()
    isp.shop, isp.today = shop, today
    return isp


def fields(isp, **more):
    return {
        "name": "Asha Bibi", "phone": "0300-1234567", "area": isp.shop.here.pk, "address": "House 4, Street 2",
        "take": "now", "plan": isp.shop.home.pk, "on": isp.today.isoformat(), "billing": "prepaid",
        "cycle": "anniversary", "first_period": "prorate", **more,
    }  # fmt: skip


def register(isp, role="owner", **more):
    return isp.client(role).post("/subscriptions/register/", fields(isp, **more))


def page(isp, url, role="owner", status=200):
    answer = isp.client(role).get(url)
    assert answer.status_code == status, (url, answer.status_code, answer.content[:2000])
    return answer.content.decode()


def only(isp, **wanted):
    with isp.scope():
        return Subscriber.objects.get(**wanted)


def test_one_page_registers_and_sells_and_the_record_shows_it(day):
    assert "Register a subscriber" in page(day, "/subscriptions/register/")
    answer = register(day)
    asha = only(day)
    assert answer.status_code == 302 and answer["Location"] == f"/subscribers/{asha.pk}/"
    assert asha.status == "active" and asha.phone == "+923001234567"
    html = page(day, f"/subscribers/{asha.pk}/")
    for text in ("Asha Bibi", "C-00001", "Home 20M", "0300 1234567", "Johar Town A"):
        assert text in html, text
    for tab in ("overview", "lines", "ledger", "documents", "notes", "history"):
        page(day, f"/subscribers/{asha.pk}/?tab={tab}")
    assert "Asha Bibi" in page(day, "/subscribers/")


def test_what_is_wrong_stands_at_its_field_and_everything_typed_is_kept(day):
    answer = register(day, phone="12345", name="", plan="")
    html = answer.content.decode()
    assert answer.status_code == 422 and "House 4, Street 2" in html and "12345" in html
    assert "0300 1234567" in html and "Choose the plan" in html
    with day.scope():
        assert not Subscriber.objects.exists()


def test_a_phone_that_is_taken_links_to_who_has_it(day):
    register(day)
    asha = only(day)
    answer = register(day, name="Ravi", phone="00923001234567")
    html = answer.content.decode()
    assert answer.status_code == 422 and f'href="/subscribers/{asha.pk}/"' in html and "C-00001 Asha Bibi" in html
    live = page(day, "/subscribers/check-phone/?phone=0300-1234567")
    assert "C-00001 Asha Bibi" in live and page(day, "/subscribers/check-phone/?phone=0300").strip() == ""
    assert "0301 7654321" in page(day, "/subscribers/check-phone/?phone=03017654321")


def test_a_plan_not_sold_there_is_refused_and_not_offered(day):
    from fiberledger.catalog.services import set_availability

    with day.scope():
        set_availability(day.shop.home, areas=[day.shop.there], by=day.system())
    options = page(day, f"/subscriptions/register/?area={day.shop.here.pk}")
    assert "Fiber 50M" in options and "Home 20M" not in options
    assert "Home 20M" in page(day, f"/subscriptions/register/?area={day.shop.there.pk}")
    answer = register(day)
    assert answer.status_code == 422 and "not sold" in answer.content.decode()
    assert register(day, area=day.shop.there.pk).status_code == 302


def test_a_lead_buys_later(day):
    register(day, take="lead", plan="")
    lead = only(day)
    assert lead.status == "lead"
    assert "Sell a plan" in page(day, f"/subscribers/{lead.pk}/")
    answer = day.client().post(f"/subscriptions/of/{lead.pk}/sell/", fields(day, plan=day.shop.fast.pk))
    assert answer.status_code == 302
    assert only(day).status == "active"


def test_a_pending_line_is_activated_by_the_one_primary_button(day):
    register(day, take="later")
    asha = only(day)
    assert asha.status == "pending" and "Activate" in page(day, f"/subscribers/{asha.pk}/")
    assert day.client().post(f"/subscriptions/of/{asha.pk}/activate/").status_code == 302
    assert only(day).status == "active"


def test_cut_resume_end_restore(day):
    register(day)
    asha = only(day)
    with day.scope():
        line = Subscription.objects.get()
    client = day.client()
    assert "Cut now" in page(day, f"/subscriptions/{line.pk}/suspend/")
    client.post(f"/subscriptions/{line.pk}/suspend/", {"reason": "abuse", "note": "spam"})
    assert only(day).status == "suspended"
    lines = page(day, f"/subscribers/{asha.pk}/?tab=lines")
    assert "spam" in lines and "Abuse" in lines
    client.post(f"/subscriptions/of/{asha.pk}/resume/", {"reason": "request", "note": ""})
    assert only(day).status == "active"
    client.post(f"/subscriptions/of/{asha.pk}/hold/", {"reason": "request", "until": "2000-01-01"})
    assert only(day).status == "active", "a refusal changes nothing"
    client.post(f"/subscriptions/of/{asha.pk}/end/", {"reason": "left", "note": ""})
    assert only(day).status == "terminated"
    assert "Asha Bibi" in page(day, "/subscribers/?status=terminated")
    client.post(f"/subscriptions/of/{asha.pk}/restore/", {"reason": "returned", "note": ""})
    assert only(day).status == "inactive"
    assert (
        client.post(f"/subscriptions/of/{asha.pk}/status/", {"status": "shifted", "reason": "moved"}).status_code == 302
    )
    assert only(day).status == "shifted"


def test_changing_the_plan(day):
    register(day)
    with day.scope():
        line = Subscription.objects.get()
    assert "Fiber 50M" in page(day, f"/subscriptions/{line.pk}/change-plan/")
    answer = day.client().post(
        f"/subscriptions/{line.pk}/change-plan/",
        {"plan": day.shop.fast.pk, "when": "now", "on": day.today.isoformat(), "price": ""},
    )
    assert answer.status_code == 302
    with day.scope():
        assert Subscription.objects.get().plan == day.shop.fast


def test_editing(day):
    register(day)
    asha = only(day)
    html = page(day, f"/subscribers/{asha.pk}/edit/")
    assert 'value="0300 1234567"' in html
    data = {
        "name": "Asha B",
        "phone": "0300 1234567",
        "area": day.shop.there.pk,
        "address": "x",
        "number": asha.number,
        "branch": "",
        "national_id": "35202-1234567-1",
    }
    answer = day.client().post(f"/subscribers/{asha.pk}/edit/", data)
    assert answer.status_code == 302, answer.content.decode()[:3000]
    asha = only(day)
    assert asha.name == "Asha B" and asha.branch_id == day.shop.north.pk and asha.national_id == "3520212345671"
    assert "35202-1234567-1" in page(day, f"/subscribers/{asha.pk}/")
    assert "35202-1234567-1" not in page(day, f"/subscribers/{asha.pk}/", role="cashier")


def test_blacklist_and_lift(day):
    register(day)
    asha = only(day)
    day.client().post(f"/subscriptions/of/{asha.pk}/blacklist/", {"why": "sold the box"})
    assert only(day).status == "blacklisted" and "sold the box" in page(day, f"/subscribers/{asha.pk}/")
    day.client().post(f"/subscriptions/of/{asha.pk}/lift-blacklist/")
    assert only(day).status == "inactive"


def test_many_are_cut_tagged_and_resumed_from_the_list(day):
    for n in range(3):
        register(day, name=f"Person {n}", phone=f"0301-123450{n}")
    client = day.client()
    with day.scope():
        ids = list(Subscriber.objects.order_by("id").values_list("pk", flat=True))
    client.post("/subscribers/bulk/suspend/", {"pk": ids[:2]})
    client.post("/subscribers/bulk/tag/", {"pk": ids})
    client.post("/subscribers/tag-rows/", {"name": "fibre"})
    with day.scope():
        assert sorted(Subscriber.objects.values_list("status", flat=True)) == ["active", "suspended", "suspended"]
        assert Subscriber.objects.filter(tags__name="fibre").count() == 3
    client.post("/subscribers/bulk/resume/", {"all": "1", "query": "status=suspended"})
    with day.scope():
        assert set(Subscriber.objects.values_list("status", flat=True)) == {"active"}


def test_filters_views_and_search_of_the_list(day):
    register(day)
    register(
        day,
        name="Ravi Kumar",
        phone="0301-7654321",
        area=day.shop.there.pk,
        plan=day.shop.fast.pk,
        reseller_name="Kasur Link",
    )
    for query, expected in (
        ("status=active", {"Asha", "Ravi"}), ("status=suspended", set()), (f"area={day.shop.city.pk}", {"Asha", "Ravi"}),
        (f"area={day.shop.there.pk}", {"Ravi"}), (f"branch={day.shop.north.pk}", {"Ravi"}),
        (f"plan={day.shop.fast.pk}", {"Ravi"}), ("reseller=Kasur Link", {"Ravi"}), ("q=ash", {"Asha"}), ("q=654321", {"Ravi"}),
        ("q=kumar", {"Ravi"}), ("q=C-00001", {"Asha"}), ("created_at=this-month&sort=-created_at", {"Asha", "Ravi"}),
        ("owing=1", set()), ("sort=-name_key", {"Asha", "Ravi"}), ("sort=number&q='%00", set()),
    ):  # fmt: skip
        html = page(day, f"/subscribers/?{query}")
        assert {name for name in ("Asha", "Ravi") if re.search(rf">{name} (Bibi|Kumar)<", html)} == expected, query


def picture(kind="JPEG", size=(64, 48)):
    out = BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


def test_a_photo_is_kept_privately_and_opened_by_a_signed_address(day, zed):
    register(day)
    asha = only(day)
    upload = SimpleUploadedFile("../../me.jpg", picture(), "image/jpeg")
    answer = day.client().post(
        f"/subscribers/{asha.pk}/documents/new/", {"kind": "photo", "file": upload, "note": "at the shop"}
    )
    assert answer.status_code == 302, answer.content.decode()[:2000]
    html = page(day, f"/subscribers/{asha.pk}/?tab=documents")
    url = re.search(r'href="(/files/[^"]+)"', html)[1]
    opened = day.client().get(url)
    assert opened.status_code == 200 and opened["Content-Type"] == "image/jpeg"
    assert opened["X-Content-Type-Options"] == "nosniff" and "sandbox" in opened["Content-Security-Policy"]
    assert opened["Content-Disposition"].startswith("inline") and ".." not in opened["Content-Disposition"]
    assert b"".join(opened.streaming_content)[:3] == b"\xff\xd8\xff"
    assert zed.client().get(url).status_code == 404
    from django.test import Client

    assert Client(headers={"host": day.host}).get(url).status_code == 302
    renamed = SimpleUploadedFile("photo.jpg", b"MZ\x90\x00" + b"\0" * 200, "image/jpeg")
    answer = day.client().post(f"/subscribers/{asha.pk}/documents/new/", {"kind": "photo", "file": renamed})
    assert answer.status_code == 422 and "no picture" in answer.content.decode()


def test_notes(day):
    register(day)
    asha = only(day)
    day.client().post(f"/subscribers/{asha.pk}/notes/new/", {"text": "Call <b>after</b> five", "is_pinned": "on"})
    html = page(day, f"/subscribers/{asha.pk}/?tab=notes")
    assert "Call &lt;b&gt;after&lt;/b&gt; five" in html


def test_a_branch_manager_sees_and_touches_only_their_own_branch(day):
    register(day)
    register(day, name="Ravi Kumar", phone="0301-7654321", area=day.shop.there.pk)
    asha, ravi = only(day, name="Asha Bibi"), only(day, name="Ravi Kumar")
    with day.scope():
        line = Subscription.objects.get(subscriber=asha)
    from django.test import Client

    from tests.stage import PASSWORD

    member = day.member("branch_manager", scope="branches", branch_ids=[day.shop.north.pk])
    client = Client(headers={"host": day.host})
    assert client.post("/login/", {"email": member.user.email, "password": PASSWORD}).status_code == 302
    html = client.get("/subscribers/").content.decode()
    assert "Ravi Kumar" in html and "Asha Bibi" not in html
    assert "Asha" not in client.get("/subscribers/?q=asha").content.decode().replace("q=asha", "")
    assert client.get(f"/subscribers/{ravi.pk}/").status_code == 200
    for url in (
        f"/subscribers/{asha.pk}/",
        f"/subscribers/{asha.pk}/edit/",
        f"/subscriptions/of/{asha.pk}/sell/",
        f"/subscriptions/{line.pk}/suspend/",
        f"/subscribers/{asha.pk}/notes/new/",
    ):
        assert client.get(url).status_code == 404, url
    client.post("/subscribers/bulk/suspend/", {"pk": [asha.pk, ravi.pk]})
    assert only(day, pk=asha.pk).status == "active" and only(day, pk=ravi.pk).status == "suspended"
    live = client.get("/subscribers/check-phone/?phone=0300-1234567").content.decode()
    assert "Asha" not in live and "taken" in live


def test_another_tenants_subscriber_does_not_exist(day, zed):
    register(day)
    asha = only(day)
    for url in (f"/subscribers/{asha.pk}/", f"/subscribers/{asha.pk}/edit/", f"/subscriptions/of/{asha.pk}/sell/"):
        assert zed.client().get(url).status_code == 404
    assert "Asha" not in zed.client().get("/subscribers/").content.decode()


def test_plans_are_listed_added_and_changed(day):
    client = day.client()
    assert "Home 20M" in page(day, "/catalog/plans/")
    answer = client.post("/catalog/plans/new/", {
        "name": "Giga", "code": "", "category": "business", "status": "active", "connection_type": "pppoe", "price": "9000",
        "validity_days": 30, "download_kbps": 1000000, "upload_kbps": 1000000, "areas": [day.shop.city.pk],
        "sold_by_resellers": "on", "cycle": "fixed", "at_limit": "nothing",
    })  # fmt: skip
    assert answer.status_code == 302, answer.content.decode()[:3000]
    with day.scope():
        giga = Plan.objects.get(name="Giga")
        assert giga.code == "GIGA" and giga.speed == "1000 Mbit/s" and list(giga.areas.all()) == [day.shop.city]
    record = page(day, f"/catalog/plans/{giga.pk}/")
    assert "1000 Mbit/s" in record and "Fixed day of the month" in record
    register(day, plan=giga.pk, cycle="")
    register(day, name="Ravi", phone="0300-7654321", plan=giga.pk, cycle="anniversary")
    with day.scope():
        lines = dict(Subscription.objects.values_list("subscriber__name", "cycle"))
    assert lines == {"Asha Bibi": "fixed", "Ravi": "anniversary"}  # the plan's, unless something else is agreed
    again = client.post("/catalog/plans/new/", {
        "name": "giga", "category": "business", "status": "active", "connection_type": "pppoe", "price": "-1",
        "validity_days": 0, "download_kbps": 10, "burst_download_kbps": 5,
    })  # fmt: skip
    html = again.content.decode()
    assert again.status_code == 422 and "Another plan has this name" in html and "at least as fast" in html
    client.post(f"/catalog/plans/{giga.pk}/stop/")
    with day.scope():
        assert Plan.objects.get(pk=giga.pk).status == "deprecated"
    page(day, "/catalog/taxes/")


def test_branches_areas_and_the_tree(day):
    register(day)
    client = day.client()
    tree = page(day, "/subscribers/areas/tree/")
    assert "Johar Town A" in tree and "Kot Haleem" in tree
    answer = client.post("/subscribers/areas/new/", {
        "name": "Street 9", "level": "street", "parent": day.shop.here.pk, "is_active": "on",
    })  # fmt: skip
    assert answer.status_code == 302, answer.content.decode()[:3000]
    with day.scope():
        assert Area.objects.get(name="Street 9").path_names == "Lahore › Johar Town A › Street 9"
    again = client.post("/subscribers/areas/new/", {"name": "street 9", "level": "street", "parent": day.shop.here.pk})
    assert again.status_code == 422 and "already here" in again.content.decode()
    assert "Street 9" in page(day, "/subscribers/areas/?q=street")
    page(day, f"/subscribers/areas/{day.shop.city.pk}/")
    page(day, f"/subscribers/branches/{day.shop.main.pk}/")
    page(day, f"/subscribers/branches/{day.shop.main.pk}/?tab=areas")
    assert "Main" in page(day, "/subscribers/branches/")
    for url in ("/subscribers/tags/", "/subscribers/settings/"):
        page(day, url)


def test_the_palette_finds_and_acts(day):
    register(day)
    from fiberledger.identity import Actor
    from fiberledger.subscribers import palette
    from fiberledger.subscriptions import palette as actions

    with day.scope():
        [hit] = palette.find(Actor.system("x"), "1234567")
        assert hit.title == "Asha Bibi" and hit.url == reverse("subscribers:subscriber", args=[only(day).pk])
        suspend = next(action for action in actions.ACTIONS if "suspend" in action.words)
        assert [found.title for found in suspend.hits(Actor.system("x"), "asha")] == ["Asha Bibi"]
