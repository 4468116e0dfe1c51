"""A suspension run, from a person's word or the night's to the lines that are cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from fiberledger import audit, calendar, jobs
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscribers.states import Status
from fiberledger.subscriptions import services as subscriptions
from fiberledger.subscriptions.models import StatusChange
from fiberledger.tenancy import Refusal, current_tenant_id

from . import policy, rules, scopes
from .by_the_clock import look_ahead_soon
from .cases import CUTTABLE, cases
from .models import SuspensionRun


@transaction.atomic
def start_run(
    *, scope: dict[str, Any], mode: str = "policy", by: Any, note: str = "", by_night: bool = False
) -> SuspensionRun:
    """Begin cutting: writes the run and its job. Who is cut is decided again, under lock, when their turn comes.

    Refuses while another run is going on, and `everyone` without the permission and a reason.
    """
    if not by.may("dunning.run"):
        raise Refusal(_("Cutting lines needs someone with that permission."))
    if mode == "everyone":
        if not by.may("dunning.cut_everyone"):
            raise Refusal(_("Cutting lines that are paid for needs someone with that permission."))
        if len(note.strip()) < 3:
            raise Refusal(_("Say why lines that are paid for are cut."))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('dunning.run', %s))", [current_tenant_id()])
    going_on = SuspensionRun.objects.filter(state__in=["waiting", "running"]).first()
    if going_on is not None:
        raise Refusal(_("A suspension run is going on already; wait until it has ended."))
    SuspensionRun.objects.filter(state="stopped").update(state="cancelled", ended_at=calendar.now())
    suspension = SuspensionRun.objects.create(
        as_of=calendar.today(),
        mode=mode,
        scope=scope,
        scope_name=scopes.name_of(scope)[:300],
        note=note.strip()[:200],
        by_night=by_night,
        started_by=by.name[:160],
    )
    _queue(suspension, by)
    audit.note(by, "suspension.started", suspension, mode=mode, where=suspension.scope_name, note=suspension.note)
    return suspension


def _queue(suspension: SuspensionRun, by: Any) -> None:
    title = _("Suspension") + (f": {suspension.scope_name}" if suspension.scope_name else "")
    run = jobs.start_run(
        "suspension",
        title[:200],
        "dunning.run_suspension",
        by=by,
        url=reverse("dunning:run", args=[suspension.pk]),
        suspension_id=suspension.pk,
    )
    SuspensionRun.objects.filter(pk=suspension.pk).update(run=run)
    suspension.run = run


@transaction.atomic
def lift_breaker(suspension: SuspensionRun, *, by: Any) -> SuspensionRun:
    """A person looked, and lets the stopped run go on."""
    if not by.may("dunning.lift_breaker"):
        raise Refusal(_("Lifting the breaker needs someone with that permission."))
    if not SuspensionRun.objects.filter(pk=suspension.pk, state="stopped").update(
        state="waiting", lifted_by=by.name[:160], lifted_at=calendar.now()
    ):
        raise Refusal(_("This run is not stopped any more."))
    suspension.refresh_from_db()
    _queue(suspension, by)
    audit.note(by, "suspension.breaker_lifted", suspension, to_cut=suspension.to_cut, lines_on=suspension.lines_on)
    return suspension


@transaction.atomic
def cancel_run(suspension: SuspensionRun, *, by: Any) -> None:
    """A person looked, and does not want it: nobody is cut."""
    if not SuspensionRun.objects.filter(pk=suspension.pk, state="stopped").update(
        state="cancelled", ended_at=calendar.now()
    ):
        raise Refusal(_("This run is not stopped any more."))
    look_ahead_soon()
    audit.note(by, "suspension.cancelled", suspension)


def cut_batch(suspension: SuspensionRun, subscriber_ids: Sequence[int], *, by: Any) -> tuple[int, Counter[str]]:
    """Cut those of the batch whom the rules still want cut now; returns how many lines, and who was spared by what.

    Their rows are locked first, in order, and everything is read again after: a payment that came a moment ago is
    seen, one that comes a moment later waits and then puts the line back.
    """
    Subscriber.objects.filter(pk__in=list(subscriber_ids)).lock_all()
    today, ruled, mode = calendar.today(), policy.in_force().rules, suspension.mode
    spared: Counter[str] = Counter()
    why: dict[int, list[rules.Link]] = {}
    for case in cases({"subscribers": list(subscriber_ids)}, today=today, mode=mode):
        decision = rules.decide(case.facts, ruled, today, mode)  # type: ignore[arg-type]
        if decision.cut:
            why.update((line, list(decision.chain)) for line in case.lines)
        else:
            spared[decision.rule] += 1
    cut = 0
    if why:
        outcome = subscriptions.set_status(
            list(why),
            Status.SUSPENDED,
            reason=StatusChange.Reason.OTHER if mode == "everyone" else StatusChange.Reason.UNPAID,
            why=why,
            on=today,
            by=by,
            note=suspension.note,
            run=suspension.pk,
            sources=CUTTABLE,
        )
        cut = len(outcome.changed)
    return cut, spared
