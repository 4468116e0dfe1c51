"""Every page that needs nothing but a member to open it: no violation of WCAG 2.1 AA, nothing wider than the window.

Dark on a wide screen, light on a phone, and mirrored for Urdu. The pages are those of the rail, the forms behind their
"new" buttons and one record of each list; a page that is added to the rail is looked at from then on.
"""

from __future__ import annotations

import re

import pytest

from tests.browser.chromium import axe

LOOKS = {
    "dark": {},
    "light-phone": {"light": True, "phone": True},
    "urdu": {"language": "ur"},
}


@pytest.fixture(scope="module")
def furnished():
    """An ISP with a little of everything in its lists."""
    from tests.stage import Isp

    with Isp.open("Bright ISP", "PK") as isp:
        with isp.scope():
            from fiberledger.places.models import Area, Branch

            branch = Branch.objects.create(
                name="Gulberg and the colonies beyond the canal", code="GUL", phone="042 35761234"
            )
            town = Area.objects.create(name="Gulberg", level="town", branch=branch)
            Area.objects.create(name="Block C", level="block", parent=town)
        yield isp


@pytest.fixture(scope="module")
def reader(chromium, port, furnished):
    from tests.browser.chromium import Desk

    return Desk(chromium, port, furnished)


def _pages(client) -> list[str]:
    home = client.get("/").content.decode()
    found = dict.fromkeys(re.findall(r'class="go"[^>]*href="([^"]+)"', home))
    for url in list(found):
        answer = client.get(url)
        if answer.status_code != 200:
            continue
        html = answer.content.decode()
        found |= dict.fromkeys(link for link in re.findall(r'href="([^"?]+/new/)"', html))
        record = re.search(r"<th scope=row><a id=r\d+ href=\"([^\"]+)\"", html)
        if record:
            found[record[1]] = None
            found[f"{record[1]}?tab=history"] = None
    return [*found, "/account/", "/nowhere/"]


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible_and_fits(reader, furnished, look):
    faults = []
    with reader.page(**LOOKS[look], policy=False) as page:
        for url in _pages(furnished.client()):
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
