"""The jobs of billing."""

from __future__ import annotations

from fiberledger import calendar, jobs
from fiberledger.identity.actor import Actor
from fiberledger.jobs.models import Run
from fiberledger.tenancy import tenant_scope

from . import runs, services
from .models import BillingRun


@jobs.task("billing.run")
def carry_out(tenant_id: int, run_id: int) -> None:
    """Bill chunk by chunk, each its own transaction, until nothing is left. Run again, it goes on where it was."""
    with jobs.running(tenant_id, run_id) as run:
        decider = None
        while True:
            with tenant_scope(tenant_id):
                if Run.objects.filter(pk=run_id, state=Run.State.CANCELLED).exists():
                    break
                billing = BillingRun.objects.get(run_id=run_id)
                count, decider = runs.next_chunk(billing.pk, decider)
                seen = billing.seen + count
            if not count:
                break
            jobs.progress(tenant_id, run_id, seen)
        with tenant_scope(tenant_id):
            billing = BillingRun.objects.get(run_id=run_id)
            run.result.update(invoices=billing.issued, skipped=billing.skipped, totals=billing.totals)


@jobs.task("billing.automatic")
def bill_today(tenant_id: int) -> None:
    """The nightly run of a tenant that wants one; a second on the same day finds nothing left to bill."""
    with tenant_scope(tenant_id):
        if not services.policy().is_automatic:
            return
        today = calendar.today()
        if BillingRun.objects.filter(as_of=today, scope={}, run__isnull=False).exists():
            return
        by = Actor.system("nightly billing")
        draft = runs.draft_run(today, {}, by=by)
        if draft.preview["seen"]:
            runs.start_run(draft, by=by)


@jobs.periodic("7 * * * *", "billing.tick")
def tick() -> None:
    """Every hour, since midnight comes at a different hour for every tenant."""
    jobs.for_each_tenant("billing.automatic")
