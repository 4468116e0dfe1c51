"""What only a browser can tell: the frame's own behaviour, by keyboard and mouse, under the real content policy."""

from __future__ import annotations

import pytest

from fiberledger.places.models import Branch
from fiberledger.screens import find_screen


def until(page, expression):
    from tests.browser.chromium import until as wait

    wait(page, expression)


@pytest.fixture
def branches(isp):
    with isp.scope():
        Branch.objects.bulk_create(
            Branch(name=f"Branch {n:03}", code=f"B-{n:03}", phone="0300 1234567", is_active=n % 3 > 0)
            for n in range(1, 71)
        )
    return find_screen(Branch)


def _names(page):
    return page.locator("table.rows tbody th").all_inner_texts()


def test_searching_filtering_sorting_and_paging_keep_the_address(desk, branches):
    with desk.page() as page:
        page.goto(branches.url())
        assert len(_names(page)) == 50
        page.fill("[name=q]", "B-06")
        until(page, "document.querySelectorAll('table.rows tbody tr').length === 10")
        assert "q=B-06" in page.url and "&" not in page.url.split("?")[1]
        assert page.inner_text("#list-count") == "10"
        page.fill("[name=q]", "")
        until(page, "document.querySelectorAll('table.rows tbody tr').length === 50")
        page.click("thead th a >> nth=0")
        page.wait_for_url("**sort=**")
        until(page, "document.querySelector('thead [aria-sort]')?.getAttribute('aria-sort') === 'descending'")
        until(page, "document.querySelector('table.rows tbody th').innerText.includes('070')")
        page.click("[data-page=next]")
        page.wait_for_url("**after=**")
        until(page, "document.querySelector('table.rows tbody th').innerText.includes('020')")
        page.go_back()
        until(page, "document.querySelector('table.rows tbody th')?.innerText.includes('070')")
    assert desk.complaints == []


def test_a_chip_filters_and_says_what_it_filters_by(desk, branches, isp):
    from fiberledger.places.models import Area

    with isp.scope():
        where = Branch.objects.get(code="B-007")
        Area.objects.bulk_create([Area(name="Gulberg", branch=where), Area(name="Model Town")])
    areas = find_screen(Area)
    with desk.page() as page:
        page.goto(areas.url())
        page.click("#chip-branch > summary")
        until(page, "document.querySelectorAll('#options-branch label').length > 5")
        page.fill("#options-branch input[name=of]", "Branch 007")
        until(page, "document.querySelectorAll('#options-branch label').length === 1")
        page.check("#options-branch input[type=checkbox]")
        until(page, "document.querySelectorAll('table.rows tbody tr').length === 1")
        assert page.inner_text("table.rows tbody th") == "Gulberg"
        assert "Branch 007" in page.inner_text("#sum-branch") and "branch=" in page.url
        page.click("#chip-branch [data-clear-chip]")
        until(page, "document.querySelectorAll('table.rows tbody tr').length === 2")
    assert desk.complaints == []


def test_the_keyboard_walks_ticks_and_opens_rows(desk, branches):
    with desk.page() as page:
        page.goto(branches.url())
        page.keyboard.press("j")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.innerText") == _names(page)[1]
        page.keyboard.press("]")
        page.wait_for_url("**after=**")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: url.rstrip("/").rpartition("/")[2].isdigit())
    assert desk.complaints == []


def test_a_rows_menu_is_fetched_when_opened_and_closed_with_escape(desk, branches):
    with desk.page() as page:
        page.goto(branches.url())
        page.click("tbody tr:nth-child(2) .more button")
        page.wait_for_selector("#row-menu a")
        assert page.evaluate("document.activeElement.closest('#row-menu') !== null")
        page.keyboard.press("Escape")
        assert page.locator("#row-menu").count() == 0
        assert page.evaluate("document.activeElement.closest('.more') !== null")
    assert desk.complaints == []


def test_the_palette_opens_finds_and_goes(desk, branches):
    with desk.page() as page:
        page.goto("/")
        page.keyboard.press("/")
        page.wait_for_selector("#palette[open] .hit")
        page.keyboard.type("change the company")
        until(page, "document.querySelectorAll('#palette .hit').length === 1")
        page.keyboard.press("Enter")
        page.wait_for_url("**/company/")
        page.keyboard.press("Control+k")
        page.wait_for_selector("#palette[open]")
        page.keyboard.press("Escape")
        until(page, "!document.querySelector('#palette').open")
        page.evaluate("document.activeElement.blur()")  # who is typing in a field means the sign, not the shortcut
        page.keyboard.press("?")
        page.wait_for_selector("#keys[open]")
        page.keyboard.press("Escape")
        page.keyboard.press("g")
        page.keyboard.press("t")
        page.wait_for_url(lambda url: url.endswith("/"))
    assert desk.complaints == []


def test_a_payment_is_collected_in_three_interactions_from_anywhere(desk, isp, clock):
    clock.move_to("2026-03-01T06:00")
    isp.sell(on="2026-03-01")
    isp.bill("2026-03-01")
    with desk.page() as page:
        page.goto("/company/")
        page.keyboard.press("/")
        page.keyboard.type("collect asha")
        until(page, "document.querySelector('#palette .hit')?.innerText.includes('Asha')")
        page.keyboard.press("Enter")  # one: who
        page.wait_for_url("**/payments/collect/*/")
        until(page, "document.activeElement.name === 'amount'")
        assert page.input_value("[name=amount]") == "1200"
        page.keyboard.press("Enter")  # two: how much; the amount owed stands there
        page.wait_for_url("**/receipt/")
        assert "1,200" in page.inner_text(".big-amount")
        printed = page.locator("[data-keys=p]").get_attribute("href")  # three: p brings up the printer
        kind = page.evaluate("url => fetch(url).then((answer) => answer.headers.get('content-type'))", printed)
        assert kind == "application/pdf"
    assert isp.owes("Asha") == 0
    assert desk.complaints == []


def test_a_dialog_keeps_the_focus_and_gives_it_back(desk, branches):
    with desk.page() as page:
        page.goto(branches.url())
        page.focus("[data-dialog=list-columns]")
        page.keyboard.press("Enter")
        page.wait_for_selector("#list-columns[open] #list-choices label")
        for _ in range(12):
            page.keyboard.press("Tab")
            assert page.evaluate(
                "document.activeElement === document.body || !!document.activeElement.closest('#list-columns')"
            )
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.matches('[data-dialog=list-columns]')")
    assert desk.complaints == []


def test_live_places_stay_fresh_and_own_up_when_they_are_not(desk, isp):
    from fiberledger.jobs.models import Run
    from fiberledger.screens import run_url

    with isp.scope():
        run = Run.objects.create(kind="t", title="Counting", state="running", done=10, total=1000)
    with desk.page() as page:
        page.goto(run_url(run))
        page.wait_for_selector("#pulse .dot")  # the job, told in the top bar
        until(page, "Number(document.getElementById('bell').textContent) > 0")  # a new provider's first steps
        with isp.scope():
            Run.objects.filter(pk=run.pk).update(done=420)
        until(page, "document.querySelector('#run').innerText.includes('420')")
        page.route("**/screens/runs/**", lambda route: route.abort())
        until(page, "document.querySelector('#run [data-fresh]').innerText.startsWith('No answer; as of')")
        page.unroute("**/screens/runs/**")
        until(page, "document.querySelector('#run [data-fresh]').innerText.startsWith('as of')")
        with isp.scope():
            Run.objects.filter(pk=run.pk).update(done=1000, state="done")
        until(page, "document.querySelector('#run progress').classList.contains('good')")
        assert page.locator("#run[data-live]").count() == 0
    assert [text for text in desk.complaints if "ERR_FAILED" not in text] == []


def test_the_theme_is_switched_at_once_and_remembered(desk):
    with desk.page() as page:
        page.goto("/")
        dark = page.evaluate("getComputedStyle(document.body).color")
        page.click("header [data-theme-toggle]")
        assert page.evaluate("document.documentElement.dataset.theme") == "paper"
        assert page.evaluate("getComputedStyle(document.body).color") != dark
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == "paper"
        page.click("[data-rail-toggle]")
        page.reload()
        assert page.evaluate("document.documentElement.dataset.rail") == "narrow"
    assert desk.complaints == []


def test_the_scope_is_chosen_in_the_top_bar(desk, branches):
    with desk.page() as page:
        page.goto(branches.url())
        page.click("#scope > summary")
        page.wait_for_selector("#scope-list a")
        page.fill("#scope input[name=q]", "Branch 007")
        until(page, "document.querySelectorAll('#scope-list a').length === 1")
        page.click("#scope-list a")
        page.wait_for_url("**in=b**")
        assert "Branch 007" in page.inner_text("#scope > summary")
    assert desk.complaints == []


def test_a_form_is_sent_once_and_says_what_is_wrong(desk, branches):
    with desk.page() as page:
        page.goto(branches.url("new"))
        assert page.evaluate("document.activeElement.name") == "name"
        page.fill("[name=code]", "B-001")
        page.click("main form .btn-primary")
        page.wait_for_selector(".error-summary")
        assert page.evaluate("document.activeElement.className") == "error-summary"
        assert page.input_value("[name=code]") == "B-001"
        page.click(".error-summary a >> nth=0")
        assert page.evaluate("document.activeElement.name") == "name"
        page.fill("[name=name]", "Ferozepur Road")
        page.fill("[name=code]", "FER")
        page.evaluate(
            "document.querySelector('main form').requestSubmit(document.querySelector('main form .btn-primary'))"
        )
        page.wait_for_selector("#toasts .toast-note")
    assert [line for line in desk.complaints if "422" not in line] == []
    with desk.isp.scope():
        assert Branch.objects.filter(code="FER").count() == 1


def test_on_a_phone_rows_are_cards_and_the_rail_is_a_sheet(desk, branches):
    with desk.page(phone=True) as page:
        page.goto(branches.url())
        assert page.evaluate("getComputedStyle(document.querySelector('table.rows tbody tr')).display") == "grid"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert not page.is_visible("#rail")
        page.click(".bottom button")
        assert page.is_visible("#rail")
        page.keyboard.press("Escape")
        assert not page.is_visible("#rail")
    assert desk.complaints == []


@pytest.fixture
def many_places(isp):
    """More areas, plans and branches than one reads through."""
    from decimal import Decimal

    from fiberledger.catalog.models import Plan
    from fiberledger.places.models import Area

    with isp.scope():
        city = Area.objects.create(name="Lahore", level="city")
        Area.objects.bulk_create(Area(name=f"Street {n:03}", level="street", parent=city) for n in range(200))
        Plan.objects.bulk_create(
            Plan(name=f"Home {n}M", code=f"h{n}", price=Decimal(n), status="active", currency="PKR") for n in range(70)
        )
        Branch.objects.bulk_create(Branch(name=f"Branch {n:03}", code=f"B-{n:03}") for n in range(90))
    return isp


def _value(page, name):
    return page.locator(f"[name={name}]").input_value()


def test_one_of_many_is_chosen_by_the_keyboard(desk, many_places):
    with desk.page() as page:
        page.goto("/subscriptions/register/")
        area, found = "#id_area", "#id_area_found"
        page.focus(area)
        assert page.locator(found).is_hidden()
        page.keyboard.type("lah 042")
        until(page, f"document.querySelectorAll('{found} [data-value]').length === 1")
        assert page.get_attribute(area, "aria-expanded") == "true"
        assert page.inner_text(f"#{page.get_attribute(area, 'aria-activedescendant')}") == "Lahore › Street 042"
        with page.expect_response(lambda got: "area=" in got.url and "choose" not in got.url):  # what is sold there
            page.keyboard.press("Enter")
        assert page.input_value(area) == "Lahore › Street 042" and _value(page, "area").isdecimal()
        assert page.locator(found).is_hidden() and page.url.endswith("/register/")
        chosen = _value(page, "area")

        page.keyboard.type("nowhere at all")
        until(page, f"!document.querySelector('{found}').hidden && !document.querySelector('{found} [data-value]')")
        page.keyboard.press("Escape")
        assert page.input_value(area) == "Lahore › Street 042" and page.locator(found).is_hidden()
        page.fill(area, "Street 1")
        page.keyboard.press("Tab")  # before anything was found: nothing was chosen
        assert page.input_value(area) == "Lahore › Street 042" and _value(page, "area") == chosen

        page.focus("#id_plan")
        page.keyboard.press("ArrowDown")
        until(page, "document.querySelectorAll('#id_plan_found [data-value]').length === 60")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        second = page.locator("#id_plan_found [data-value]").nth(1).inner_text()
        assert page.locator("#id_plan_found [aria-selected=true]").all_inner_texts() == [second]
        page.keyboard.press("Tab")
        assert page.input_value("#id_plan") == second and _value(page, "plan")
        page.fill("#id_plan", "home 33")
        page.press("#id_plan", "Enter")  # faster than it is found
        until(page, "document.querySelector('#id_plan').value.startsWith('Home 33M')")
        assert page.url.endswith("/register/") and page.locator("#id_plan_found").is_hidden()
        page.press("#id_plan", "ArrowUp")
        until(page, "document.querySelector('#id_plan_found [aria-selected=true]')?.innerText.startsWith('Home')")
    assert desk.complaints == []


def test_one_of_many_is_chosen_and_taken_back_by_mouse_and_finger(desk, many_places):
    for phone in (False, True):
        with desk.page(phone=phone) as page:
            page.goto("/billing/run/")
            press = page.tap if phone else page.click
            assert page.get_attribute("#id_branch", "placeholder") == "All branches"
            press("#id_branch")
            until(page, "document.querySelectorAll('#id_branch_found [data-value]').length === 60")
            press("#id_branch_found [data-value] >> nth=2")
            assert page.input_value("#id_branch") == "Branch 002" and _value(page, "branch")
            press(".chooser:has(#id_branch) [data-unchoose]")
            assert page.input_value("#id_branch") == "" and _value(page, "branch") == ""
            press("#id_area")
            until(page, "document.querySelectorAll('#id_area_found [data-value]').length === 60")
            press("h1")
            assert page.locator("#id_area_found").is_hidden() and _value(page, "area") == ""
    assert desk.complaints == []


def test_several_of_many_stay_ticked_from_search_to_search(desk, many_places):
    from fiberledger.catalog.models import Plan

    with many_places.scope():
        plan = Plan.objects.get(code="h20")
    with desk.page() as page:
        page.goto(find_screen(Plan).url("edit", plan.pk))
        for wanted in ("042", "117"):
            page.fill("#id_areas", wanted)
            until(page, f"document.querySelector('#id_areas_found').innerText.trim() === 'Lahore › Street {wanted}'")
            page.check("#id_areas_found input")
        page.fill("#id_areas", "Street 0")
        until(page, "document.querySelectorAll('#id_areas_found label').length > 50")
        assert page.locator("[data-chooser=areas] [data-chosen] input:checked").count() == 2
        assert page.locator("#id_areas_found").get_by_text("Street 042").count() == 0
        page.press("#id_areas", "Enter")
        page.click(".form-foot .btn-primary")
        page.wait_for_url(lambda url: not url.endswith("/edit/"))
        with many_places.scope():
            assert sorted(area.name for area in plan.areas.all()) == ["Street 042", "Street 117"]
        page.goto(find_screen(Plan).url("edit", plan.pk))
        page.uncheck("[data-chooser=areas] [data-chosen] input >> nth=0")
        page.click(".form-foot .btn-primary")
        page.wait_for_url(lambda url: not url.endswith("/edit/"))
        with many_places.scope():
            assert [area.name for area in plan.areas.all()] == ["Street 117"]
    assert desk.complaints == []


def test_choosing_among_many_is_open_to_all(desk, many_places):
    from tests.browser.chromium import axe

    with desk.page(policy=False) as page:
        page.goto("/subscriptions/register/")
        page.click("#id_area")
        until(page, "document.querySelectorAll('#id_area_found [data-value]').length === 60")
        page.keyboard.press("ArrowDown")
        assert axe(page) == []
        page.goto("/team/members/invite/")
        page.fill("#id_areas", "street 1")
        until(page, "document.querySelectorAll('#id_areas_found label').length > 50")
        assert axe(page) == []
