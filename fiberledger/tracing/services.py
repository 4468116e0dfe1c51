from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from fiberledger import audit, calendar
from fiberledger.tenancy import Refusal, numbers

from . import finding
from .models import TraceCase


def open_case(case: TraceCase, *, by: Any) -> TraceCase:
    """Write down who wants to know what, and on what ground. Nothing is looked up yet."""
    if case.at > calendar.now():
        raise Refusal(_("That time is still to come."))
    if case.keep_until <= calendar.today():
        raise Refusal(_("It is to be kept for some time: choose a later day."))
    (number,) = numbers.take("trace")
    case.number, case.asked_by, case.asker_id = f"T-{number:05}", str(by)[:120], by.user_id
    case.save(force_insert=True)
    audit.note(
        by, "trace.asked", case, after={"authority": case.authority, "reference": case.reference, "what": case.what}
    )
    return case


def approve(case: TraceCase, *, by: Any) -> list[dict[str, Any]]:
    """Find who held the address, and freeze what was found. Whoever asked may not approve it."""
    if case.asker_id is not None and case.asker_id == by.user_id:
        raise Refusal(_("You asked for this yourself: another person must approve it."))
    answer = finding.frozen(finding.holders(case.address, case.port, case.at))
    _decide(case, by, state=TraceCase.State.ANSWERED, answer=answer)
    audit.note(by, "trace.approved", case, after={"found": len(answer)})
    return answer


def refuse(case: TraceCase, *, why: str, by: Any) -> None:
    """Disclose nothing, and say why."""
    if not why.strip():
        raise Refusal(_("Say why it is refused."))
    _decide(case, by, state=TraceCase.State.REFUSED, why_refused=why.strip()[:300])
    audit.note(by, "trace.refused", case, reason=why.strip())


def _decide(case: TraceCase, by: Any, **more: Any) -> None:
    done = TraceCase.objects.waiting().filter(pk=case.pk).update(
        decided_at=calendar.now(), decided_by=str(by)[:120], **more
    )  # fmt: skip
    if not done:
        raise Refusal(_("This request was decided already."))
    case.refresh_from_db()


def look(case: TraceCase, *, by: Any) -> list[dict[str, Any]]:
    """What was disclosed. Each look is written down."""
    if case.state != TraceCase.State.ANSWERED:
        return []
    audit.note(by, "trace.seen", case)
    return case.answer or []


def forget(*, by: Any) -> int:
    """Delete what was disclosed where its time is over. That it was asked, and by whom, stays."""
    over = list(TraceCase.objects.filter(keep_until__lt=calendar.today(), state=TraceCase.State.ANSWERED))
    TraceCase.objects.filter(pk__in=[case.pk for case in over]).update(state=TraceCase.State.FORGOTTEN, answer=None)
    audit.note_many(by, "trace.forgotten", [("tracing.tracecase", case.pk, case.number, None, None) for case in over])
    return len(over)
