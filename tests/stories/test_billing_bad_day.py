"""The bad days of a billing run: killed in the middle, run twice at once, broken and continued."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import date

import pytest
from django.db import connections

from fiberledger import ledger
from fiberledger.billing import runs, tasks
from fiberledger.billing.models import BillingRun, Invoice
from fiberledger.jobs.models import Run
from fiberledger.subscriptions.models import Subscription
from fiberledger.tenancy import tenant_scope
from tests.cast import many_lines

AS_OF = date(2026, 2, 10)


def start(isp):
    with isp.scope():
        draft = runs.draft_run(AS_OF, {}, by=isp.system())
        return runs.start_run(draft, by=isp.system())


def all_is_well(isp, expected):
    with isp.scope():
        found = Invoice.objects.filter(kind="regular")
        assert found.count() == expected
        assert found.values("subscription", "period_start").distinct().count() == expected
        numbers = sorted(found.values_list("number", flat=True))
        assert numbers == [f"INV-{n:06d}" for n in range(1, expected + 1)], "no gap, nothing twice"
        assert not Subscription.objects.filter(billed_until__isnull=True).exists()
        assert ledger.verify() == []
    isp.prove_books()


def expected_of(isp):
    with isp.scope():
        return BillingRun.objects.first().preview["invoices"]


_WORKER = """
import sys, django
django.setup()
from fiberledger.billing import runs, tasks
runs.CHUNK = 20
plain = runs.next_chunk
def told(*args, **more):
    done = plain(*args, **more)
    print("in", flush=True)      # inside the chunk's transaction, not yet committed
    return done
runs.next_chunk = told
tasks.carry_out(int(sys.argv[1]), run_id=int(sys.argv[2]))
"""


def test_a_run_killed_in_the_middle_goes_on_and_bills_nothing_twice(isp, clock):
    clock.move_to("2026-02-10")
    many_lines(isp, 150)
    run = start(isp)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for chunks in (2, 3):
        worker = subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(isp.tenant.pk), str(run.pk)], stdout=subprocess.PIPE, text=True,
            env=environment,
        )  # fmt: skip
        for _ in range(chunks):
            assert worker.stdout.readline() == "in\n"
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        with isp.scope():
            assert Run.objects.get(pk=run.pk).state == "running", "nobody could tell"
    with isp.scope():
        half = Invoice.objects.count()
        billing = BillingRun.objects.get()
        assert 0 < half == billing.issued < expected_of(isp)
    tasks.carry_out(isp.tenant.pk, run_id=run.pk)
    all_is_well(isp, expected_of(isp))
    with isp.scope():
        run = Run.objects.get(pk=run.pk)
        assert (run.state, run.result["invoices"]) == ("done", expected_of(isp))


@pytest.mark.parametrize("same", [True, False], ids=["one run, two workers", "two runs"])
def test_two_at_once_share_the_work_and_bill_nothing_twice(isp, clock, same, monkeypatch):
    clock.move_to("2026-02-10")
    monkeypatch.setattr(runs, "CHUNK", 10)
    many_lines(isp, 80)
    first = start(isp)
    second = first if same else start(isp)
    errors = []

    def work(run_id):
        try:
            tasks.carry_out(isp.tenant.pk, run_id=run_id)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=[run.pk]) for run in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    all_is_well(isp, expected_of(isp))
    with isp.scope():
        assert sum(BillingRun.objects.values_list("issued", flat=True)) == expected_of(isp)


def test_a_run_that_broke_says_so_and_is_continued_from_its_page(isp, clock, monkeypatch):
    clock.move_to("2026-02-10")
    monkeypatch.setattr(runs, "CHUNK", 10)
    many_lines(isp, 30)
    run = start(isp)
    plain, calls = runs.next_chunk, []

    def breaks(*args, **more):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("the disk is full")
        return plain(*args, **more)

    monkeypatch.setattr(runs, "next_chunk", breaks)
    with pytest.raises(RuntimeError):
        tasks.carry_out(isp.tenant.pk, run_id=run.pk)
    monkeypatch.setattr(runs, "next_chunk", plain)
    with isp.scope():
        billing = BillingRun.objects.get()
        assert billing.run.state == "failed" and billing.issued == Invoice.objects.count() > 0
    client = isp.client("owner")
    page = f"/billing/runs/{billing.pk}/"
    assert "Continue the run" in client.get(page).content.decode()
    assert client.post(f"{page}again/").status_code == 302
    isp.run()
    all_is_well(isp, expected_of(isp))


def test_a_large_preview_is_worked_out_by_a_job(isp, clock, monkeypatch):
    clock.move_to("2026-02-10")
    monkeypatch.setattr(runs, "AT_ONCE", 10)
    many_lines(isp, 12)
    client = isp.client("owner")
    page = client.post("/billing/run/", {"as_of": "2026-02-10", "back_bill": "served"})["Location"]
    assert client.get(page).status_code == 302, "to the job's own page"
    assert client.post(f"{page}start/")["Location"] == page, "not before it is ready"
    isp.run()
    preview = client.get(page).content.decode()
    assert f"Issue {expected_of(isp)} invoices" in preview
    client.post(f"{page}start/")
    isp.run()
    all_is_well(isp, expected_of(isp))


def test_a_manual_invoice_waits_for_a_chunk_at_most_and_keeps_the_numbers_whole(isp, clock, monkeypatch):
    from decimal import Decimal

    from fiberledger.billing import services

    clock.move_to("2026-02-10")
    monkeypatch.setattr(runs, "CHUNK", 10)
    many_lines(isp, 60)
    run = start(isp)
    asha = isp.subscriber("Asha")
    made = []

    def clerk():
        try:
            for _ in range(8):
                with tenant_scope(isp.tenant.pk):
                    made.append(services.issue_manual(asha, [services.Charge("x", Decimal(5))], by=isp.system()).number)
        finally:
            connections.close_all()

    thread = threading.Thread(target=clerk)
    thread.start()
    tasks.carry_out(isp.tenant.pk, run_id=run.pk)
    thread.join()
    with isp.scope():
        numbers = sorted(Invoice.objects.values_list("number", flat=True))
    assert len(made) == 8 and numbers == [f"INV-{n:06d}" for n in range(1, expected_of(isp) + 9)]
