from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import connection
from procrastinate.contrib.django import app

from fiberledger import calendar, jobs
from fiberledger.jobs.models import Run
from fiberledger.tenancy import NoTenantInScope, Refusal, tenant_scope

done: list[dict] = []


def remember(tenant_id: int, **ids) -> None:
    done.append({"tenant_id": tenant_id, **ids})


def fail(tenant_id: int) -> None:
    raise ZeroDivisionError


def count_to(tenant_id: int, run_id: int) -> None:
    with jobs.running(tenant_id, run_id) as run:
        if run.options.get("refuse"):
            raise Refusal("not today")
        jobs.progress(tenant_id, run_id, 3, 7)
        run.result["counted"] = 7


for name, function in (("test.remember", remember), ("test.fail", fail), ("test.count_to", count_to)):
    if name not in app.tasks:
        jobs.task(name)(function)


@dataclass(frozen=True)
class Happened:
    subscriber_id: int


@pytest.fixture(autouse=True)
def _nothing_done():
    done.clear()


def waiting(isp) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND (args->>'tenant_id')::bigint = %s",
            [isp.tenant.pk],
        )
        return cursor.fetchone()[0]


def test_a_job_appears_with_its_cause_or_not_at_all(isp):
    with pytest.raises(ZeroDivisionError), isp.scope():
        jobs.enqueue("test.remember", subscriber_id=1)
        raise ZeroDivisionError
    assert waiting(isp) == 0
    with isp.scope():
        jobs.enqueue("test.remember", subscriber_id=1)
    assert waiting(isp) == 1
    assert isp.run() == 1
    assert done == [{"tenant_id": isp.tenant.pk, "subscriber_id": 1}]


def test_a_second_of_the_same_queueing_lock_is_not_written_and_harms_nothing(isp):
    with isp.scope():
        assert jobs.enqueue("test.remember", queueing_lock="sweep")
        assert jobs.enqueue("test.remember", queueing_lock="sweep") is None
        Run.objects.create(kind="x", title="the transaction lives on")
    assert waiting(isp) == 1


def test_a_lock_is_each_tenants_own(isp, zed):
    for one in (isp, zed):
        with one.scope():
            assert jobs.enqueue("test.remember", queueing_lock="sweep")


def test_a_job_waits_for_its_hour(isp, clock):
    clock.move_to("2026-03-01")
    with isp.scope():
        jobs.enqueue("test.remember", at=calendar.now() + timedelta(hours=2))
    assert isp.run() == 0
    clock.forward(hours=3)
    assert isp.run() == 1


def test_an_event_wakes_its_listeners(isp, monkeypatch):
    monkeypatch.setitem(jobs.listeners, Happened, ["test.remember", "test.remember"])
    with isp.scope():
        jobs.publish(Happened(5))
    isp.run()
    assert done == [{"tenant_id": isp.tenant.pk, "subscriber_id": 5}] * 2


def test_a_job_that_fails_says_so(isp):
    with isp.scope():
        jobs.enqueue("test.fail")
    with pytest.raises(ZeroDivisionError):
        isp.run()
    assert waiting(isp) == 0


def test_a_run_shows_how_far_it_is_and_what_came_of_it(isp):
    with isp.scope():
        run = jobs.start_run("test", "Counting", "test.count_to", by=isp.system())
    isp.run()
    with isp.scope():
        run.refresh_from_db()
        assert (run.state, run.done, run.total, run.percent, run.result) == ("done", 3, 7, 42, {"counted": 7})


def test_a_refused_run_ends_with_the_reason(isp):
    with isp.scope():
        run = jobs.start_run("test", "Counting", "test.count_to", by=isp.system(), refuse=True)
    isp.run()
    with isp.scope():
        run.refresh_from_db()
        assert (run.state, run.message) == ("failed", "not today")


def test_progress_of_one_tenant_cannot_touch_anothers_run(isp, zed):
    with isp.scope():
        run = jobs.start_run("test", "Counting", "test.count_to", by=isp.system())
    jobs.progress(zed.tenant.pk, run.pk, 99)
    with isp.scope():
        run.refresh_from_db()
        assert run.done == 0
    isp.run()


def test_no_job_without_a_tenant():
    with pytest.raises(NoTenantInScope):
        jobs.enqueue("test.remember")


def test_every_listener_in_the_wiring_is_a_job():
    from fiberledger import wiring

    for event, names in wiring.LISTENERS.items():
        for name in names:
            assert name in app.tasks, f"{event.__name__} wakes {name}, which does not exist"


def test_a_scope_is_needed_for_the_row_of_a_run(isp):
    with isp.scope():
        run = jobs.start_run("test", "Counting", "test.count_to", by=isp.system())
    with tenant_scope(isp.tenant.pk):
        assert Run.objects.going_on().filter(pk=run.pk).exists()
    isp.run()
