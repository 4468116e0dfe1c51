"""A field with more rows than one reads through draws none of them, and its page says which fit a text."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fiberledger.places.models import Area, Branch

ASKED = {"HX-Request": "true"}


@pytest.fixture
def town(isp):
    with isp.scope():
        lahore = Area.objects.create(name="Lahore", level="city")
        kasur = Area.objects.create(name="Kasur", level="city")
        streets = [Area(name=f"Street {n:02}", level="street", parent=lahore) for n in range(70)]
        Area.objects.bulk_create([*streets, Area(name="Street 05", level="street", parent=kasur)])
        Area.objects.create(name="Street 99", level="street", parent=kasur, is_active=False)
    return isp


def offered(isp, url: str, name: str, text: str = "", **more) -> list[str]:
    answer = isp.client().get(f"{url}?{urlencode({'choose': name, 'of': text, **more})}", headers=ASKED)
    assert answer.status_code == 200 and b"<html" not in answer.content
    return re.findall(r'data-value="\d+"[^>]*>([^<]+)<', answer.text) or re.findall(
        r"<span>([^<]+)</span>", answer.text
    )


def test_few_are_drawn_as_they_always_were(isp):
    with isp.scope():
        Branch.objects.bulk_create(Branch(name=f"Branch {n:02}", code=f"B{n}") for n in range(60))
    html = isp.client().get("/billing/run/").text
    assert (
        '<select name="branch"' in html
        and html.count("<option") >= 60
        and ">Branch 59<" in html
        and "data-chooser" not in html
    )


def test_many_are_found_by_every_word_of_their_full_name(town):
    with CaptureQueriesContext(connection) as queries:
        html = town.client().get("/subscriptions/register/").text
    assert 'role="combobox"' in html and "Street 0" not in html
    assert not [q for q in queries if "path_names" in q["sql"] and "LIMIT" not in q["sql"]]
    url = "/subscriptions/register/"
    assert offered(town, url, "area", "street 05") == ["Kasur › Street 05", "Lahore › Street 05"]
    assert offered(town, url, "area", "05 kas") == ["Kasur › Street 05"]
    assert offered(town, url, "area", "street 99") == [] and offered(town, url, "area", "\x00%_") == []
    assert len(offered(town, url, "area")) == 60


def test_what_is_chosen_is_drawn_and_kept(town):
    with town.scope():
        area = Area.objects.get(name="Street 07")
    html = town.client().get(f"/subscriptions/register/?area={area.pk}").text
    assert f'name="area" value="{area.pk}"' in html and 'value="Lahore › Street 07"' in html
    answer = town.client().post("/subscriptions/register/", {"area": area.pk, "branch": "nonsense"})
    assert answer.status_code == 422 and 'value="Lahore › Street 07"' in answer.text
    form = {"roles": [], "areas": [area.pk, "nonsense"], "email": "new@bright.example"}
    answer = town.client().post("/team/members/invite/", form)
    assert answer.status_code == 422
    assert re.search(rf'name="areas" value="{area.pk}" checked> <span>Lahore › Street 07<', answer.text)


def test_every_page_with_the_field_answers_for_it(town):
    wanted = ["Lahore › Street 07"]
    for url, name in (
        ("/catalog/plans/new/", "areas"),
        ("/team/members/invite/", "areas"),
        ("/subscribers/areas/new/", "parent"),
        ("/billing/run/", "area"),
        ("/dunning/preview/", "area"),
        ("/dunning/grace/new/", "area"),
    ):
        assert f'data-chooser="{name}"' in town.client().get(url).text, url
        assert offered(town, url, name, "street 07") == wanted, url


def test_only_who_may_use_the_form_is_told_and_only_of_its_choices(town):
    url = "/subscriptions/register/?choose=area&of=street"
    assert town.client("engineer").get(url, headers=ASKED).status_code == 403
    for name in ("name", "take", "nothing"):
        assert town.client().get(f"/subscriptions/register/?choose={name}", headers=ASKED).status_code == 404
    assert "<html" in town.client().get(url).text  # an address that was typed is the page


def test_the_plans_offered_are_those_of_the_chosen_place(town):
    from fiberledger.catalog.models import Plan
    from fiberledger.catalog.services import set_availability

    with town.scope():
        here, there = Area.objects.filter(name__in=["Street 01", "Street 02"]).order_by("name")
        Plan.objects.bulk_create(
            Plan(name=f"Home {n}M", code=f"h{n}", price=n, status="active", currency="PKR") for n in range(70)
        )
        set_availability(Plan.objects.get(code="h33"), areas=[here], by=town.system())
    url = "/subscriptions/register/"
    assert 'data-with="area branch"' in town.client().get(url).text
    assert len(offered(town, url, "plan", "home 33", area=here.pk)) == 1
    assert offered(town, url, "plan", "home 33", area=there.pk) == []
