from __future__ import annotations

from collections import Counter

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from fiberledger import audit, calendar, jobs
from fiberledger.identity import Actor
from fiberledger.tenancy import Refusal, current_tenant, tenant_scope

from . import by_the_clock, cases, coming_back, policy, previews, runs, telling
from .models import SuspensionPolicy, SuspensionRun


@jobs.periodic("7 * * * *", "dunning.night_tick")
def night_tick() -> None:
    jobs.for_each_tenant("dunning.night")


@jobs.task("dunning.night")
def night(tenant_id: int) -> None:
    """Once a day, at the tenant's own hour (or as soon after as a worker is there): mark, remind, cut."""
    with tenant_scope(tenant_id), override(current_tenant().language):
        rules, today = policy.in_force(), calendar.today()
        if calendar.local(calendar.now()).hour < rules.hour:
            return
        # Whoever writes the day first does the night's work.
        if not SuspensionPolicy.objects.filter(pk=rules.pk).exclude(last_run_on=today).update(last_run_on=today):
            return
        by = Actor.system(_("the nightly run"))
        coming_back.mark_overdue(by=by)
        telling.remind()
        if rules.enabled and previews.preview(scope={}).cut:
            try:
                runs.start_run(scope={}, by=by, by_night=True)
            except Refusal:
                pass  # somebody is cutting by hand right now; tomorrow is another night
        by_the_clock.look_ahead_soon()


@jobs.task("dunning.look_ahead")
def look_ahead(tenant_id: int) -> None:
    """Plan which lines the network cuts by itself, should no worker be there on the night: a batch a transaction."""
    with tenant_scope(tenant_id):
        ids = by_the_clock.look_ahead()
    for start in range(0, len(ids), cases.BATCH):
        with tenant_scope(tenant_id):
            by_the_clock.plan_cuts(ids[start : start + cases.BATCH])


@jobs.task("dunning.expect")
def expect(tenant_id: int, first_id: int, last_id: int) -> None:
    """Invoices came into being: a few are planned for now, a billing run looks at everybody."""
    with tenant_scope(tenant_id):
        billed = by_the_clock.billed_by(first_id, last_id)
        if len(billed) > cases.BATCH:
            by_the_clock.look_ahead_soon()
        else:
            by_the_clock.plan_cuts(billed)


@jobs.task("dunning.run_suspension")
def run_suspension(tenant_id: int, run_id: int) -> None:
    """Do a suspension run, a batch a transaction. Killed and started again, it goes on with whoever is still on."""
    with jobs.running(tenant_id, run_id) as run:
        with tenant_scope(tenant_id), override(current_tenant().language):
            suspension = SuspensionRun.objects.get(pk=run.options["suspension_id"])
            if suspension.state not in ("waiting", "running"):
                return
            by = Actor.system(_("suspension by %s") % suspension.started_by)
            seen = previews.preview(scope=suspension.scope, mode=suspension.mode)
            spared = seen.spared_by
            resumed = suspension.state == "running"
            if seen.breaker and seen.breaker.tripped and not suspension.lifted_by and not resumed:
                SuspensionRun.objects.filter(pk=suspension.pk).update(
                    state="stopped", lines_on=seen.breaker.lines, to_cut=seen.lines, spared=spared
                )
                by_the_clock.withdraw_cuts()  # while it waits for a person, the network cuts nobody behind its back
                audit.note(
                    by, "suspension.stopped", suspension, to_cut=seen.lines, lines_on=seen.breaker.lines,
                    allowed=str(seen.breaker.allowed),
                )  # fmt: skip
                run.message = _(
                    "Stopped: it would cut %(cut)d of %(on)d lines (%(percent)s %%), more than the %(allowed)s %% allowed."
                ) % {
                    "cut": seen.lines, "on": seen.breaker.lines, "percent": seen.breaker.percent,
                    "allowed": format(seen.breaker.allowed.normalize(), "f") if seen.breaker.allowed else "–",
                }  # fmt: skip
                run.result = {"stopped": True, "to_cut": seen.lines}
                return
            if not resumed:
                SuspensionRun.objects.filter(pk=suspension.pk).update(
                    state="running", lines_on=seen.lines_on, to_cut=seen.lines, spared=spared
                )
            ids = [case.subscriber_id for case, _decision in seen.cut]
        late: Counter[str] = Counter()
        for start in range(0, len(ids), cases.BATCH):
            with tenant_scope(tenant_id), override(current_tenant().language):
                suspension = SuspensionRun.objects.select_for_update().get(pk=suspension.pk)
                cut, saved = runs.cut_batch(suspension, ids[start : start + cases.BATCH], by=by)
                late += saved
                SuspensionRun.objects.filter(pk=suspension.pk).update(cut=suspension.cut + cut)
            jobs.progress(tenant_id, run_id, min(start + cases.BATCH, len(ids)), len(ids))
        with tenant_scope(tenant_id):
            suspension = SuspensionRun.objects.get(pk=suspension.pk)
            SuspensionRun.objects.filter(pk=suspension.pk).update(
                state="done", ended_at=calendar.now(), spared=dict(Counter(spared) + late)
            )
            by_the_clock.look_ahead_soon()
        run.result = {"cut": suspension.cut, "spared": dict(Counter(spared) + late)}
        run.message = ngettext("%(n)d line cut", "%(n)d lines cut", suspension.cut) % {"n": suspension.cut}


@jobs.task("dunning.reconsider")
def reconsider(tenant_id: int, subscriber_id: int, **cause: int) -> None:
    """Money moved for one subscriber: put them back if nothing keeps them off."""
    with tenant_scope(tenant_id), override(current_tenant().language):
        coming_back.reconsider([subscriber_id], by=Actor.system(_("payment")))


@jobs.task("dunning.tell_suspended")
def tell_suspended(tenant_id: int, subscription_ids: list[int]) -> None:
    with tenant_scope(tenant_id):
        telling.tell_suspended(subscription_ids)


@jobs.task("dunning.tell_resumed")
def tell_resumed(tenant_id: int, subscription_ids: list[int]) -> None:
    with tenant_scope(tenant_id):
        telling.tell_resumed(subscription_ids)
