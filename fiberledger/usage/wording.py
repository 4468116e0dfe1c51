"""Why a line has the speed it has, in a sentence for whoever asks."""

from __future__ import annotations

from django.utils.translation import gettext as _

from fiberledger.catalog.models import Plan

from .models import LineUsage


def why(usage: LineUsage, plan: Plan) -> str:
    """What applies now, why, and what ends it."""
    State, speed = LineUsage.State, usage.speed
    if usage.next_at is None:
        return _("The line is out of service: nothing applies to it.")
    if usage.state == State.STOPPED:
        return _("Stopped: the data of this period is used up. It goes on when data is added, or with the next period.")
    if usage.state == State.SLOWED:
        return _(
            "Slowed down to %(speed)s: the data of this period is used up. It is fast again when data is added, or with the next period."
        ) % {"speed": speed}
    if usage.state == State.BOOSTED:
        return _("A boost that was bought runs: %(speed)s.") % {"speed": speed or plan.speed}
    if usage.state == State.HOURS:
        return _("The plan has %(speed)s at this hour of the day.") % {"speed": speed or plan.speed}
    if usage.state == State.OVER:
        return _("Beyond what the plan allows; nothing changes for that now.")
    if usage.state == State.NEAR:
        return {
            Plan.AtLimit.SLOW: _("Near its limit; at it the line is slowed down."),
            Plan.AtLimit.STOP: _("Near its limit; at it the line is stopped."),
        }.get(plan.at_limit, _("Near its limit; at it nothing changes."))  # type: ignore[call-overload]
    return _("The speed of the plan: %(speed)s.") % {"speed": plan.speed} if plan.speed else _("As the plan says.")
