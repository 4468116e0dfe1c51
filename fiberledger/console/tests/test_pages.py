"""The page kinds over HTTP: lists, fragments, forms that come back, saved views, bulk, the palette, error pages."""

from __future__ import annotations

import io
import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from fiberledger import calendar
from fiberledger.places.models import Branch
from fiberledger.screens import find_screen
from fiberledger.screens.models import SavedView

FRAGMENT = {"HX-Request": "true", "HX-Target": "rows"}


@pytest.fixture
def branches():
    return find_screen(Branch)


@pytest.fixture
def many(isp):
    with isp.scope():
        return Branch.objects.bulk_create(
            Branch(name=f"Branch {n:03}", code=f"B-{n:03}", is_active=n % 2 == 0) for n in range(120)
        )


def test_a_list_pages_through_all_its_rows_and_never_loads_more(isp, many, branches):
    client, url, met = isp.client(), branches.url(), []
    query = ""
    for _page in range(5):
        html = client.get(url + query, headers=FRAGMENT).content.decode()
        names = re.findall(r">(Branch \d{3})</a>", html)
        assert len(names) <= 50
        met += names
        following = re.search(r'rel="next"[^>]*href="([^"]+)"', html)
        if not following:
            break
        query = following[1].replace("&amp;", "&")
    assert met == sorted(met) and set(met) >= {branch.name for branch in many} and len(met) == len(set(met))


def test_a_list_page_costs_a_fixed_number_of_queries(isp, branches):
    client = isp.client()
    client.get(branches.url())
    counts = []
    for size in (1, 40):
        with isp.scope():
            Branch.objects.bulk_create(Branch(name=f"Q {size}-{n}", code=f"{size}-{n}") for n in range(size))
        with CaptureQueriesContext(connection) as seen:
            assert client.get(branches.url()).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 16, [query["sql"][:120] for query in seen.captured_queries]


def test_a_fragment_is_only_the_rows_and_going_back_is_the_whole_page(isp, many, branches):
    client = isp.client()
    part = client.get(branches.url() + "?q=Branch+007", headers=FRAGMENT).content.decode()
    assert "<html" not in part and "Branch 007" in part and "Branch 008" not in part
    whole = client.get(branches.url(), headers=FRAGMENT | {"HX-History-Restore-Request": "true"}).content.decode()
    assert "<html" in whole


def test_a_form_with_errors_answers_422_and_keeps_what_was_typed(isp, branches):
    client = isp.client()
    answer = client.post(branches.url("new"), {"name": "", "code": "L-1", "phone": "0300 1234567"})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert 'href="#id_name"' in html and 'aria-invalid="true"' in html
    assert 'value="L-1"' in html and 'value="0300 1234567"' in html
    with isp.scope():
        assert not Branch.objects.filter(code="L-1").exists()


def test_a_saved_view_is_a_tab_for_who_made_it_and_for_all_when_shared(isp, many, branches):
    owner, manager = isp.client(), isp.client("manager")
    owner.post(branches.url("views"), {"name": "Closed ones", "query": "is_active=no&after=x", "shared": ""})
    assert "Closed ones" in owner.get(branches.url()).content.decode()
    assert "Closed ones" not in manager.get(branches.url()).content.decode()
    owner.post(branches.url("views"), {"name": "Closed ones", "query": "is_active=no", "shared": "1"})
    assert "Closed ones" in manager.get(branches.url()).content.decode()
    with isp.scope():
        view = SavedView.objects.get(name="Closed ones")
    assert view.query == "is_active=no"
    assert manager.post(branches.url("view-forget", view.pk)).status_code == 404
    owner.post(branches.url("view-forget", view.pk))
    assert "Closed ones" not in manager.get(branches.url()).content.decode()


def test_columns_are_remembered_for_the_one_who_chose_them(isp, many, branches):
    owner, manager = isp.client(), isp.client("manager")
    first, other = branches.bound_columns[0], branches.bound_columns[1]
    offered = owner.get(branches.url("columns")).content.decode()
    assert f'value="{other.name}" checked' in offered and "Everyone sees it" in offered
    owner.post(branches.url("columns"), {"column": [first.name]})
    assert f"data-l={other.title}" not in owner.get(branches.url(), headers=FRAGMENT).content.decode()
    assert f"data-l={other.title}" in manager.get(branches.url(), headers=FRAGMENT).content.decode()
    owner.post(branches.url("columns"), {"reset": "1"})
    assert f"data-l={other.title}" in owner.get(branches.url(), headers=FRAGMENT).content.decode()


def test_another_tenants_rows_are_in_no_list_menu_or_filter(isp, zed, branches):
    with zed.scope():
        theirs = Branch.objects.create(name="Zed's secret branch", code="Z")
    client = isp.client()
    assert "secret" not in client.get(branches.url() + "?q=secret", headers=FRAGMENT).content.decode().replace(
        "q=secret", ""
    ).replace("“secret”", "")
    assert client.get(branches.url("menu", theirs.pk)).status_code == 404
    assert client.get(branches.url("one", theirs.pk)).status_code == 404
    assert client.get(branches.url("edit", theirs.pk)).status_code == 404


def test_pages_run_no_inline_code_and_say_so(isp, branches):
    for url in ("/", branches.url(), branches.url("new"), "/company/", "/login/", "/nowhere/"):
        answer = isp.client().get(url)
        policy = answer["Content-Security-Policy"]
        assert "unsafe" not in policy and "default-src 'none'" in policy
        html = answer.content.decode()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html), url
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html)), url


def test_pages_are_small(isp, many, branches):
    import gzip

    html = isp.client().get(branches.url()).content
    assert len(html) < 60_000 and len(gzip.compress(html, 6)) < 15_000


def test_who_may_not_sees_neither_door_nor_page(isp, branches):
    cashier = isp.client("cashier")
    home = cashier.get("/").content.decode()
    assert "/company/" not in home
    answer = cashier.get("/company/")
    assert answer.status_code == 403
    assert "Change the company profile" in answer.content.decode()


def test_the_company_profile_changes_and_is_noted(isp):
    from fiberledger.audit.models import Entry

    client = isp.client()
    answer = client.post("/company/", {"legal_name": "Bright Internet (Pvt) Ltd", "brand_color": "#ffe600"})
    assert answer.status_code == 302
    page = client.get("/company/").content.decode()
    assert "Bright Internet (Pvt) Ltd" in page and "/brand/ffe600.css" in page
    with isp.scope():
        entry = Entry.objects.filter(action="company.changed").newest_first().first()
    assert entry.after["brand_color"] == "#ffe600"
    assert client.post("/company/", {"legal_name": "B", "brand_color": "yellow"}).status_code == 422


def test_the_logo_is_on_paper_and_a_renamed_text_is_none(isp):
    from django.core.files.uploadedfile import SimpleUploadedFile

    isp.sell("Home 20", to="Asha", on="2026-11-01")
    (pk,) = isp.bill("2026-11-01")
    client, about = isp.client(), {"legal_name": "Bright ISP"}
    picture = io.BytesIO()
    Image.new("RGB", (300, 120), "#1d4ed8").save(picture, "PNG")
    fake = SimpleUploadedFile("logo.png", b"no picture at all", "image/png")
    assert client.post("/company/", about | {"logo": fake}).status_code == 422
    logo = SimpleUploadedFile("logo.png", picture.getvalue(), "image/png")
    assert client.post("/company/", about | {"logo": logo}).status_code == 302
    payment = isp.pay("Asha", "100")

    def pictures(url):
        return len(re.findall(rb"/Subtype\s*/Image", client.get(url).content))

    assert pictures(f"/payments/{payment.pk}/receipt.pdf?paper=a4") == 1
    code_only = pictures(f"/billing/invoices/{pk}/pdf/")
    (later,) = isp.bill("2026-12-01")
    assert pictures(f"/billing/invoices/{later}/pdf/") == code_only + 1, "the one issued before has none"
    assert client.post("/company/", about | {"no_logo": "on"}).status_code == 302
    assert pictures(f"/payments/{payment.pk}/receipt.pdf?paper=a4") == 0
    assert pictures(f"/billing/invoices/{later}/pdf/") == code_only + 1, "as it was issued"


def test_the_company_has_a_clock_and_a_language_of_its_own(isp, clock):
    clock.move_to("2026-11-10T20:00:00+00:00")
    client = isp.client()
    with isp.scope():
        assert calendar.today().isoformat() == "2026-11-11"
    sent = {"legal_name": "Bright ISP", "timezone": "UTC", "language": "ur"}
    assert client.post("/company/", sent).status_code == 302
    with isp.scope():
        assert calendar.today().isoformat() == "2026-11-10"
    assert '<option value="UTC" selected>' in client.get("/company/").content.decode()
    assert client.post("/company/", sent | {"timezone": "Mars/Olympus"}).status_code == 422


def test_a_form_from_before_the_last_sign_in_says_so(isp):
    from django.test import Client

    isp.client()
    strict = Client(headers={"host": isp.host}, enforce_csrf_checks=True)
    answer = strict.post("/login/", {"email": "a@example.org", "password": "x"})
    assert answer.status_code == 403 and "This page is out of date" in answer.content.decode()


def test_the_palette_finds_places_and_actions(isp):
    client = isp.client()
    html = client.get("/palette/", {"q": "compan"}).content.decode()
    assert "Change the company profile" in html and 'role="option"' in html
    assert "Nothing is called" in client.get("/palette/", {"q": "qqqqqq zzzz"}).content.decode()
    assert client.get("/palette/", {"q": "\x00'\"%_\\"}).status_code == 200
    assert "company" not in isp.client("cashier").get("/palette/", {"q": "company profile"}).content.decode().replace(
        "company profile", ""
    )


def test_what_was_said_in_a_fragment_arrives_as_a_toast(isp, branches, many):
    client = isp.client()
    client.post(branches.url("new"), {"name": "Said", "code": "SAID"})
    answer = client.get(branches.url(), headers=FRAGMENT)
    notes = json.loads(answer["HX-Trigger"])["toast"]["notes"]
    assert "Said" in notes[0]["text"] and notes[0]["tone"] == "good"
    assert "HX-Trigger" not in client.get(branches.url(), headers=FRAGMENT)


def test_a_missing_page_is_ours_and_the_language_is_remembered(isp):
    client = isp.client()
    answer = client.get("/nowhere/at/all/")
    assert answer.status_code == 404 and "Nothing here" in answer.content.decode()
    client.post("/account/preference/", {"language": "ur", "theme": "light", "next": "https://evil.example/"})
    page = client.get("/").content.decode()
    assert 'dir="rtl"' in page and 'data-theme="paper"' in page


def test_the_scope_is_kept_until_it_is_changed(isp, many):
    client = isp.client()
    assert many[3].name in client.get(f"/?in=b{many[3].pk}").content.decode()
    assert many[3].name in client.get("/company/").content.decode()
    assert many[3].name not in client.get("/?in=all").content.decode()
    assert client.get("/?in=b99999999999999999999").status_code == 200
    panel = client.get("/scope/", headers={"HX-Current-URL": "https://x.example//evil"}).content.decode()
    assert "//evil" not in panel and f"/?in=b{many[0].pk}" in panel


def test_when_the_database_is_away_the_page_says_so(isp, monkeypatch):
    from django.db import OperationalError

    from fiberledger.console import views

    client = isp.client()
    client.raise_request_exception = False

    def gone(*_args):
        raise OperationalError("connection is closed")

    monkeypatch.setattr(views, "_greeting", gone)
    answer = client.get("/")
    assert answer.status_code == 503 and answer["Retry-After"]
    assert "database" in answer.content.decode()

    def broken(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr(views, "_greeting", broken)
    answer = client.get("/")
    assert answer.status_code == 500 and "Something broke" in answer.content.decode()


def test_no_two_shortcuts_are_the_same():
    from fiberledger.screens.registry import registry

    keys = [entry.keys for entry in registry.entries if entry.keys]
    keys += [action.keys for action in registry.actions if action.keys]
    assert sorted(keys) == sorted(set(keys))


def test_the_dashboard_keeps_itself_fresh_and_says_how_fresh_it_is(isp):
    client = isp.client()
    assert 'data-live="30"' in client.get("/").text
    part = client.get("/?desk=owner", headers={"HX-Request": "true", "HX-Target": "live"}).text
    assert "<html" not in part and "data-fresh" in part and "Needs attention" in part


def test_support_has_a_desk(isp):
    page = isp.client("support").get("/").text
    assert "Help desk" in page and "Suspended" in page and "Overdue" in page
