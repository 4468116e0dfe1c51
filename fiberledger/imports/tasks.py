from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from fiberledger import jobs
from fiberledger.identity import Actor
from fiberledger.identity.models import User
from fiberledger.identity.tenants import actor_for
from fiberledger.tenancy import Refusal, current_tenant, tenant_scope

from . import services
from .models import ImportRun


def _who(tenant_id: int, run: Any) -> Actor:
    """Whoever started it, with what they may do and reach by now."""
    if run.started_by_id is None:
        return Actor.system(run.started_by_name)
    with tenant_scope(tenant_id):
        actor = actor_for(User.objects.get(pk=run.started_by_id), current_tenant(), run.options.get("ip"))
    if actor is None:
        raise Refusal(_("Whoever started this does not work here any more."))
    return actor


def _body(tenant_id: int, run_id: int, work) -> None:
    import_id = None
    with jobs.running(tenant_id, run_id) as run:
        import_id = run.options["import_id"]
        try:
            by = _who(tenant_id, run)
            work(import_id, by, lambda done, total: jobs.progress(tenant_id, run_id, done, total))
        except Refusal as refusal:
            _failed(tenant_id, import_id, str(refusal))
            raise
        except Exception:
            _failed(tenant_id, import_id, _("Something broke; it will be tried again."))
            raise
        with tenant_scope(tenant_id):
            done = ImportRun.objects.get(pk=import_id)
        run.result = {
            "rows": done.rows,
            "good": done.good,
            "faulty": done.faulty,
            "here": done.here,
            "taken": done.taken,
        }


def _failed(tenant_id: int, import_id: int, words: str) -> None:
    with tenant_scope(tenant_id):
        run = ImportRun.objects.get(pk=import_id)
        if run.state == ImportRun.State.UNDOING:
            state = ImportRun.State.TAKEN  # it still stands
        elif run.state == ImportRun.State.CHECKED:
            state = run.state
        else:
            state = ImportRun.State.FAILED
        ImportRun.objects.filter(pk=import_id).update(state=state, problem=words)


@jobs.task("imports.check")
def check(tenant_id: int, run_id: int) -> None:
    """Give every row of a file its verdict."""

    def work(import_id: int, by: Actor, report: Any) -> None:
        services.check(tenant_id, import_id, by=by, report=report)

    _body(tenant_id, run_id, work)


@jobs.task("imports.take")
def take(tenant_id: int, run_id: int) -> None:
    """Take the good rows of a file; goes on where a killed worker stopped."""

    def work(import_id: int, by: Actor, report: Any) -> None:
        services.take(tenant_id, import_id, by=by, report=report)

    _body(tenant_id, run_id, work)


@jobs.task("imports.undo")
def undo(tenant_id: int, run_id: int) -> None:
    """Withdraw what an import created."""

    def work(import_id: int, by: Actor, report: Any) -> None:
        with tenant_scope(tenant_id):
            run = ImportRun.objects.get(pk=import_id)
            if run.state == ImportRun.State.UNDONE:
                return
            services.undo(run, by=by)

    _body(tenant_id, run_id, work)
