"""Paging by key: every row once, in order, forwards and backwards, whatever is sorted by and wherever values are missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fiberledger.jobs.models import Run
from fiberledger.screens import keyset

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def runs(isp):
    return isp


def _fill(rows):
    Run.objects.all().delete()
    Run.objects.bulk_create(
        Run(
            kind="test",
            title=title,
            done=done,
            started_at=None if minute is None else BEGINNING + timedelta(minutes=minute, microseconds=done),
        )
        for title, done, minute in rows
    )


ROWS = st.lists(
    st.tuples(
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6),
        st.integers(0, 4),
        st.none() | st.integers(0, 3),
    ),
    max_size=17,
)


@given(
    rows=ROWS,
    sort=st.sampled_from(["title", "-title", "done", "-done", "started_at", "-started_at", "pk", "-pk"]),
    size=st.integers(1, 6),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_is_met_once_and_the_way_back_is_the_same(runs, rows, sort, size):
    with runs.scope():
        _fill(rows)
        order = keyset.order_by(Run, sort)
        everything = Run.objects.all()
        pages, after = [], ""
        while True:
            page = keyset.page(everything, order, after=after, size=size)
            pages.append([run.pk for run in page.rows])
            if not page.after:
                break
            after = page.after
        met = [pk for page in pages for pk in page]
        assert sorted(met) == sorted(everything.values_list("pk", flat=True))
        values = [getattr(Run.objects.get(pk=pk), order.lookup if order.lookup != "pk" else "pk") for pk in met]
        if order.lookup != "title":  # text is ordered by the database's collation, not by Python
            there = [value for value in values if value is not None]
            assert there == sorted(there, reverse=order.descending)
            assert all(value is None for value in values[len(there) :])

        back, before = [pages[-1]], page.before
        while before:
            page = keyset.page(everything, order, before=before, size=size)
            back.insert(0, [run.pk for run in page.rows])
            before = page.before
        assert [pk for page in back for pk in page] == met


def test_a_row_that_comes_in_between_moves_nothing(runs):
    with runs.scope():
        _fill([(name, 0, None) for name in "bdfh"])
        order = keyset.order_by(Run, "title")
        first = keyset.page(Run.objects.all(), order, size=2)
        Run.objects.create(kind="test", title="a")
        second = keyset.page(Run.objects.all(), order, after=first.after, size=2)
        assert [run.title for run in second.rows] == ["f", "h"]


@pytest.mark.parametrize(
    "token", ["", "x", "////", "bm9uc2Vuc2U", "WyJhIiwgInh5eiJd", "W10", "e30", "WzEsIDJd", "WyJcdWQ4MDAiLCAxXQ", "MQ"]
)
def test_nonsense_in_the_address_starts_from_the_beginning(runs, token):
    with runs.scope():
        _fill([("a", 0, None), ("b", 1, 2)])
        for sort in ("title", "started_at", "done"):
            page = keyset.page(Run.objects.all(), keyset.order_by(Run, sort), after=token, size=5)
            assert len(page.rows) == 2


def test_a_deep_page_is_read_from_the_index(runs):
    """The condition is one row comparison, the form that an index range can answer; OFFSET is nowhere."""
    with runs.scope():
        _fill([(str(n), n, None) for n in range(5)])
        order = keyset.order_by(Run, "title")
        token = keyset.page(Run.objects.all(), order, size=2).after
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(
            connection,
        ) as seen:
            keyset.page(Run.objects.all(), order, after=token, size=2)
        sql = seen.captured_queries[0]["sql"]
        assert '("jobs_run"."title", "jobs_run"."id") > (' in sql
        assert "OFFSET" not in sql
