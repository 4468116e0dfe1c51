"""People who say: do not cut this one, or put them back unpaid."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from fiberledger import audit, calendar
from fiberledger.subscribers.models import Subscriber
from fiberledger.subscribers.states import Status
from fiberledger.subscriptions import services as subscriptions
from fiberledger.subscriptions.models import StatusChange, Subscription
from fiberledger.tenancy import Refusal

from . import rules
from .by_the_clock import plan_cuts
from .cases import cases
from .models import Exemption, ExemptionQuerySet


@transaction.atomic
def exempt(subscriber: Subscriber, *, until: date | None, why: str, by: Any) -> Exemption:
    """Spare this subscriber from every run until that day (or until it is ended); a newer exemption replaces the old."""
    if not by.may("dunning.exempt"):
        raise Refusal(_("Sparing someone needs someone with that permission."))
    why = why.strip()
    if len(why) < 3:
        raise Refusal(_("Say why they are spared."))
    if until is not None and until < calendar.today():
        raise Refusal(_("That day is past."))
    Subscriber.objects.lock(subscriber.pk)
    exemption = _spare(subscriber, until, why, by)
    plan_cuts([subscriber.pk])
    audit.note(by, "exemption.given", subscriber, after={"until": until, "why": why})
    return exemption


def _spare(subscriber: Subscriber, until: date | None, why: str, by: Any) -> Exemption:
    _end(Exemption.objects.filter(subscriber=subscriber), by)
    return Exemption.objects.create(subscriber=subscriber, until=until, why=why[:200], given_by=by.name[:160])


def _end(exemptions: ExemptionQuerySet, by: Any) -> int:
    return exemptions.filter(ended_at__isnull=True).update(ended_at=calendar.now(), ended_by=by.name[:160])


@transaction.atomic
def end_exemption(exemption: Exemption, *, by: Any) -> None:
    if not by.may("dunning.exempt"):
        raise Refusal(_("Sparing someone needs someone with that permission."))
    if _end(Exemption.objects.filter(pk=exemption.pk), by):
        plan_cuts([exemption.subscriber_id])
        audit.note(by, "exemption.ended", exemption.subscriber, before={"until": exemption.until, "why": exemption.why})


@transaction.atomic
def forgive(subscriber: Subscriber, *, until: date, why: str, by: Any) -> int:
    """Put a subscriber's lines back although they owe, and spare them until that day; returns lines put back."""
    if not by.may("dunning.forgive"):
        raise Refusal(_("Putting a line back unpaid needs someone with that permission."))
    subscriber = Subscriber.objects.lock(subscriber.pk)
    why = why.strip()
    if len(why) < 3:
        raise Refusal(_("Say why: it stands in the audit log."))
    today = calendar.today()
    if until < today or until > today + timedelta(days=366):
        raise Refusal(_("Choose a day from today on, at most a year ahead."))
    _spare(subscriber, until, why, by)
    case = cases({"subscribers": [subscriber.pk]}, today=today, all_of_scope=True)[0]
    status = Status.OVERDUE if rules.really_overdue(case.facts) > 0 else Status.ACTIVE
    lines = list(
        Subscription.objects.filter(subscriber=subscriber, status=Status.SUSPENDED).values_list("pk", flat=True)
    )
    if not lines:
        raise Refusal(_("No line of theirs is suspended."))
    chain = [{"rule": "forgiven", "says": rules.SPARE, "why": why, "by": by.name, "until": until.isoformat()}]
    subscriptions.set_status(lines, status, reason=StatusChange.Reason.OTHER, why=chain, on=today, by=by, note=why)
    plan_cuts([subscriber.pk])
    audit.note(by, "suspension.forgiven", subscriber, after={"until": until, "lines": len(lines)}, why=why)
    return len(lines)
