"""Every page that needs nothing but a member to open it: no violation of WCAG 2.1 AA, nothing wider than the window.

Dark on a wide screen, light on a phone, light and mirrored for Urdu on a wide screen, dark and mirrored on a phone. The
pages are those of the rail, the forms behind their "new" buttons, one record of each list with every tab, the desks of
the dashboard and the pages of a task; a page that is added to the rail is looked at from then on. A second provider has
nothing yet: its empty pages are looked at too.
"""

from __future__ import annotations

import re

import pytest

from tests.browser.chromium import axe

LOOKS = {
    "dark": {},
    "light-phone": {"light": True, "phone": True},
    "urdu-light": {"language": "ur", "light": True},
    "urdu-phone": {"language": "ur", "phone": True},
}
LONG = "Muhammad Abdul-Rehman bin Abdullah Chaudhary Siddiqui al-Hashimi of Kasur"


@pytest.fixture(scope="module")
def furnished():
    """An ISP with a little of everything in its lists, and names longer than any column."""
    from tests.stage import Clock, Isp

    with Isp.open("Bright ISP", "PK") as isp, Clock() as clock:
        clock.move_to("2026-03-01T06:00")
        with isp.scope():
            from fiberledger.places.models import Area, Branch

            branch = Branch.objects.create(
                name="Gulberg and the colonies beyond the canal", code="GUL", phone="042 35761234"
            )
            town = Area.objects.create(name="Gulberg", level="town", branch=branch)
            Area.objects.create(name="Block C", level="block", parent=town)
        for name in ("Asha", LONG, "محمد عبدالرحمٰن بن عبداللہ چوہدری صدیقی الہاشمی آف قصور پنجاب پاکستان والے"):
            isp.sell(to=name, on="2026-03-01")
        isp.bill("2026-03-01")
        isp.pay("Asha", "700")
        isp.run()
        clock.move_to("2026-03-20T06:00")
        yield isp


@pytest.fixture(scope="module")
def reader(chromium, port, furnished):
    from tests.browser.chromium import Desk

    return Desk(chromium, port, furnished)


def _pages(client) -> list[str]:
    home = client.get("/").text
    found = dict.fromkeys(re.findall(r'class="go"[^>]*href="([^"]+)"', home))
    found |= dict.fromkeys(f"/{desk}" for desk in re.findall(r'href="(\?desk=\w+)"', home))
    for url in list(found):
        answer = client.get(url)
        if answer.status_code != 200:
            continue
        html = answer.text
        found |= dict.fromkeys(link for link in re.findall(r'href="([^"?]+/(?:new|invite|create)/)"', html))
        record = re.search(r"<th scope=row><a id=r\d+ href=\"([^\"]+)\"", html)
        if record:
            page = client.get(record[1])
            tabs = re.findall(r'href="(\?tab=\w+)"', page.text) if page.status_code == 200 else []
            found |= dict.fromkeys([record[1], *(f"{record[1]}{tab}" for tab in tabs[1:])])
            found |= dict.fromkeys(link for link in re.findall(rf'href="({record[1]}edit/)"', page.text))
    return [*found, *TASKS, "/nowhere/"]


TASKS = (
    "/account/", "/account/password/", "/account/logins/", "/subscriptions/register/", "/billing/run/", "/imports/new/",
    "/payments/collect/", "/payments/collect/?q=a", "/dunning/preview/?mode=owing", "/jobs/", "/subscribers/?q=nobody+at+all",
)  # fmt: skip


def _tasks_of(isp) -> list[str]:
    """The pages about one thing that no list leads to."""
    from fiberledger.payments.models import Payment
    from fiberledger.subscribers.models import Subscriber
    from fiberledger.subscriptions.models import Subscription

    with isp.scope():
        person = Subscriber.objects.get(name=LONG).pk
        line = Subscription.objects.get(subscriber=person).pk
        receipt = Payment.objects.latest("pk").pk
    return [
        f"/payments/collect/{person}/", f"/payments/{receipt}/receipt/", f"/dunning/why/{person}/",
        f"/subscriptions/{line}/change-plan/", f"/subscriptions/{line}/suspend/", f"/subscriptions/of/{person}/sell/",
    ]  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible_and_fits(reader, furnished, look):
    faults = []
    with reader.page(**LOOKS[look], policy=False) as page:
        for url in [*_pages(furnished.client()), *_tasks_of(furnished)]:
            answer = page.goto(url)
            if answer.status >= 500:
                faults.append(f"{url}: {answer.status}")
                continue
            page.wait_for_timeout(120)
            faults += [f"{url}: {fault}" for fault in axe(page)]
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if wide > 1:
                faults.append(f"{url}: {wide} px wider than the window")
    assert faults == [], "\n".join(faults)


@pytest.mark.parametrize("look", ["dark", "urdu-phone"])
def test_the_pages_of_somebody_who_has_nothing_yet_are_accessible(chromium, port, isp, look):
    from tests.browser.chromium import Desk

    faults = []
    with Desk(chromium, port, isp).page(**LOOKS[look], policy=False) as page:
        for url in _pages(isp.client()):
            page.goto(url)
            faults += [f"{url}: {fault}" for fault in axe(page)]
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if wide > 1:
                faults.append(f"{url}: {wide} px wider than the window")
    assert faults == [], "\n".join(faults)


def test_what_opens_over_a_page_is_accessible(reader, furnished):
    """Dialogs, menus and the errors of a form, which no address leads to."""
    faults = []
    with reader.page(policy=False) as page:
        for name, act in (
            ("palette", lambda: page.keyboard.press("/")),
            ("shortcuts", lambda: page.keyboard.press("?")),
            ("alerts", lambda: page.click("#alerts summary")),
            ("scope", lambda: page.click("#scope summary")),
            ("row menu", lambda: page.click("tbody .more button >> nth=0")),
            ("bulk bar", lambda: page.check("tbody .sel input >> nth=0")),
            ("chip", lambda: page.click("#chip-area summary")),
        ):
            page.goto("/subscribers/")
            act()
            page.wait_for_timeout(300)
            faults += [f"{name}: {fault}" for fault in axe(page)]
        page.goto("/subscriptions/register/")
        page.click("main .form-foot .btn-primary")
        page.wait_for_selector(".error-summary")
        assert page.evaluate("document.activeElement.matches('.error-summary')")
        faults += [f"errors: {fault}" for fault in axe(page)]
    assert faults == [], "\n".join(faults)


def test_the_pages_of_visitors_are_accessible(chromium, port, furnished):
    faults = []
    for scheme in ("dark", "light"):
        context = chromium.new_context(base_url=f"http://{furnished.host}:{port}", color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        for url in ("/login/", "/forgot/"):
            page.goto(url)
            faults += [f"{url} {scheme}: {fault}" for fault in axe(page)]
        context.close()
    assert faults == [], "\n".join(faults)
