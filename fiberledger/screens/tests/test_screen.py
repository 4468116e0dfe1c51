"""A Screen is checked when it is made, and its pages say what the address asks for."""

from __future__ import annotations

import pytest
from django import forms
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from fiberledger import screens
from fiberledger.jobs.models import Run
from fiberledger.places.models import Area, Branch
from fiberledger.screens import Bulk, Column, Filter, Screen, View, filters, scope
from fiberledger.screens.screen import ScreenError


class BranchForm(forms.ModelForm):
    class Meta:
        model = Branch
        fields = ("name", "code", "phone")


@pytest.fixture(scope="module")
def branches():
    return Screen(
        Branch,
        name="trial-branch",
        form=BranchForm,
        columns=("name", "code", "phone", "is_active", Column("email", hidden=True)),
        filters=("is_active", Filter("with_phone", "With phone", test=lambda qs: qs.exclude(phone=""))),
        search=("name", "^code"),
        order="name",
        views=(View("open", "Open", "is_active=yes"),),
        bulk=(Bulk("close", "Close", lambda request, rows: rows.update(is_active=False) and None),),
        permission="places",
    )


@pytest.fixture(scope="module")
def areas():
    return Screen(
        Area,
        name="trial-area",
        columns=("name", "level", "branch__name", "parent__branch__name"),
        filters=("level", "branch", "parent"),
        order="name",
        permission="places",
        record=False,
    )


@pytest.fixture(scope="module")
def runs_screen():
    return Screen(
        Run,
        name="trial-run",
        columns=("title", "state", "done", "created_at"),
        filters=("created_at", "done", "state"),
        order="-created_at",
        permission="jobs",
        record=False,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": ("name", "colour")},
        {"columns": ("branch__colour",)},
        {"columns": ("name", Column("branch_colour", needs="colour", value=str))},
        {"columns": ("name", Column("x", value=str, sort="colour"))},
        {"columns": ("name", Column("name", kind="colourful"))},
        {"columns": ()},
        {"columns": ("name",), "filters": ("colour",)},
        {"columns": ("name",), "filters": ("name",)},
        {"columns": ("name",), "search": ("colour",)},
        {"columns": ("name",), "order": "-colour"},
        {"columns": ("name",), "rows": "with_colour"},
        {"columns": ("name",), "sections": (("Looks", ["colour"]),)},
    ],
    ids=str,
)
def test_a_name_that_does_not_exist_fails_at_import(wrong):
    with pytest.raises(Exception) as caught:
        Screen(Area, name="wrong", **wrong)
    assert isinstance(caught.value, ScreenError) or "colour" in str(caught.value)


def _rows(screen, actor, query=""):
    return list(screens.rows_for(screen, actor, QueryDict(query)))


def test_filters_say_what_they_mean(isp, branches, areas, runs_screen, clock):
    clock.move_to("2026-03-10")
    who = isp.system()
    with isp.scope():
        north = Branch.objects.create(name="North", code="N-1", phone="0300")
        south = Branch.objects.create(name="South", code="S-1", is_active=False)
        town = Area.objects.create(name="Gulberg", level="town", branch=north)
        block = Area.objects.create(name="Block C", level="block", parent=town)

        assert _rows(branches, who) == [north, south]
        assert _rows(branches, who, "is_active=yes") == [north]
        assert _rows(branches, who, "with_phone=1") == [north]
        assert _rows(branches, who, "q=outh") == [south]
        assert _rows(branches, who, "q=n-") == [north]
        assert _rows(branches, who, "q=%00") == [north, south]
        assert _rows(branches, who, "sort=-name") == [south, north]
        assert _rows(branches, who, "sort=phone;drop") == [north, south]

        assert _rows(areas, who, "level=block&level=street") == [block]
        assert _rows(areas, who, f"branch={north.pk}") == [town]
        assert _rows(areas, who, "branch=none") == [block]
        assert _rows(areas, who, f"parent={town.pk}&parent=none") == [block, town]
        assert _rows(areas, who, "parent=x&parent=99999999999999999999999") == [block, town]

        old = Run.objects.create(kind="t", title="old", done=5)
        clock.move_to("2026-04-02")
        new = Run.objects.create(kind="t", title="new", done=50)
        assert _rows(runs_screen, who, "created_at=this-month") == [new]
        assert _rows(runs_screen, who, "created_at=last-month") == [old]
        assert _rows(runs_screen, who, "created_at_from=2026-03-10&created_at_to=2026-03-10") == [old]
        assert _rows(runs_screen, who, "created_at=..2026-03-31") == [old]
        assert _rows(runs_screen, who, "created_at=yesterday..") == [new, old]
        assert _rows(runs_screen, who, "done=10..") == [new]
        assert _rows(runs_screen, who, "done_to=10") == [old]
        assert _rows(runs_screen, who, "done=NaN..&state=nonsense") == []


def test_the_scope_narrows_to_an_area_and_what_lies_below(isp):
    from fiberledger.tenancy.models import TenantManager, TenantQuerySet

    class Placed(TenantQuerySet):
        area_lookup = "pk"
        branch_lookup = "branch"

    with isp.scope():
        north = Branch.objects.create(name="North", code="N")
        town = Area.objects.create(name="Gulberg", level="town", branch=north)
        block = Area.objects.create(name="Block C", level="block", parent=town)
        other = Area.objects.create(name="Model Town", level="town")
        town.refresh_from_db()
        rows = Placed(Area).filter(tenant_id=isp.tenant.pk)
        inside = scope.Scope(f"a{town.pk}", "Gulberg", town.path)
        assert set(scope.narrow_to(inside, rows)) == {town, block}
        assert set(scope.narrow_to(scope.Scope(f"b{north.pk}", "North"), rows)) == {town}
        assert set(scope.narrow_to(scope.Scope(), rows)) == {town, block, other}
        assert TenantManager  # the plain manager has no place and is left alone
        assert scope.narrow_to(inside, Branch.objects.all()).count() == 1


def test_joins_follow_the_columns(isp, areas):
    with isp.scope():
        top = Area.objects.create(name="Top", branch=Branch.objects.create(name="North", code="N"))
        for n in range(8):
            Area.objects.create(name=f"Area {n}", parent=top)
        with CaptureQueriesContext(connection) as seen:
            rows = _rows(areas, isp.system())
            html = [column.html(row) for row in rows for column in areas.bound_columns]
        assert len(seen) == 1
        assert sum("North" in cell for cell in html) == 9


def test_what_a_choice_key_offers_is_bounded(isp, areas):
    with isp.scope():
        Branch.objects.bulk_create(Branch(name=f"Branch {n:03}", code=str(n)) for n in range(filters.MOST_OPTIONS + 5))
        spec = next(spec for spec in areas.bound_filters if spec.name == "branch")
        assert len(filters.options_of(spec, actor=isp.system())) == filters.MOST_OPTIONS
        assert [label for _pk, label in filters.options_of(spec, text="064", actor=isp.system())] == ["Branch 064"]
