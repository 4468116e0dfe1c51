"""The page of a long job: it asks again while the work goes on, and stops when it is over."""

from __future__ import annotations

from datetime import timedelta

from fiberledger import calendar
from fiberledger.jobs.models import Run
from fiberledger.screens import run_url
from fiberledger.screens.views import time_left

FRAGMENT = {"HX-Request": "true", "HX-Target": "run"}


def test_it_polls_until_the_end_and_shows_the_result(isp):
    client = isp.client()
    with isp.scope():
        run = Run.objects.create(
            kind="t",
            title="Counting",
            state="running",
            done=300,
            total=1000,
            started_at=calendar.now() - timedelta(minutes=3),
        )
        assert time_left(run) == "about 7 minutes left"
    page = client.get(run_url(run)).content.decode()
    assert 'id="run" data-live="1"' in page and "300" in page and "about 7 minutes left" in page
    with isp.scope():
        Run.objects.filter(pk=run.pk).update(state="done", done=1000, result={"rows": 1000}, url="/company/")
    part = client.get(run_url(run), headers=FRAGMENT).content.decode()
    assert 'data-live="1"' not in part and "<html" not in part and "1,000" in part and "/company/" in part


def test_running_jobs_are_told_in_the_top_bar_and_another_tenants_are_not(isp, zed):
    with zed.scope():
        Run.objects.create(kind="t", title="Zed's secret", state="running")
    client = isp.client()
    assert "secret" not in client.get("/pulse/").content.decode()
    with isp.scope():
        run = Run.objects.create(kind="t", title="Billing of March", state="running")
    assert "Billing of March" in client.get("/pulse/").content.decode()
    assert "Billing of March" in client.get("/jobs/").content.decode()
    assert zed.client().get(run_url(run)).status_code == 404
