"""The jobs of billing."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext as _

from fiberledger import calendar, jobs
from fiberledger.identity.actor import Actor
from fiberledger.jobs.models import Run
from fiberledger.tenancy import Refusal, tenant_scope

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
                    raise Refusal(_("Stopped by hand."))
                billing = BillingRun.objects.get(run_id=run_id)
                count, decider = runs.next_chunk(billing.pk, decider)
                seen = billing.seen + count
            if not count:
                break
            jobs.progress(tenant_id, run_id, seen)
        with tenant_scope(tenant_id):
            billing = BillingRun.objects.get(run_id=run_id)
            run.result.update(invoices=billing.issued, skipped=billing.skipped, totals=billing.totals)


@jobs.task("billing.preview")
def work_out(tenant_id: int, run_id: int) -> None:
    """The preview of a large run; its page waits for it."""
    with jobs.running(tenant_id, run_id) as run, tenant_scope(tenant_id):
        runs.fill_preview(run.options["billing_run"])


@jobs.task("billing.automatic")
def bill_today(tenant_id: int) -> None:
    """The nightly run of a tenant that wants one; a second on the same day finds nothing left to bill."""
    with tenant_scope(tenant_id):
        if not services.policy().is_automatic:
            return
        today = calendar.today()
        BillingRun.objects.filter(run__isnull=True, created_at__lt=calendar.now() - timedelta(days=7)).delete()
        if runs.is_anybody_due(today) and not BillingRun.objects.started().filter(as_of=today, scope={}).exists():
            by = Actor.system(str(_("nightly billing")))
            runs.start_run(runs.draft_run(today, {}, by=by, now=True), by=by)


@jobs.periodic("7 * * * *", "billing.tick")
def tick() -> None:
    """Every hour, since midnight comes at a different hour for every tenant."""
    jobs.for_each_tenant("billing.automatic")
