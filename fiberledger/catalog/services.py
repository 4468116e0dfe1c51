from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from fiberledger import audit
from fiberledger.places.models import Area, Branch
from fiberledger.tenancy import Refusal

from .models import MOST_HOURS, AddOn, Plan, PlanHours


def code_for(name: str, besides: int | None = None, of: type[Plan] | type[AddOn] = Plan) -> str:
    """A short code made from a name that no other plan (or add-on) has: «Home 20M» → HOME-20M."""
    stem = re.sub(r"-+", "-", slugify(name)).upper()[:32] or ("PLAN" if of is Plan else "ADD-ON")
    taken = set(of.objects.filter(code__startswith=stem).exclude(pk=besides).values_list("code", flat=True))
    code, n = stem, 1
    while code in taken:
        n += 1
        code = f"{stem}-{n}"
    return code


@transaction.atomic
def set_availability(plan: Plan, *, areas: Iterable[Area] = (), branches: Iterable[Branch] = (), by: Any) -> None:
    """Say where a plan is sold: in these areas (with all that lies inside them), by these branches; none: everywhere."""
    before = _places(plan)
    plan.areas.set(list(areas))
    plan.branches.set(list(branches))
    audit.note(by, "plan.availability_changed", plan, before=before, after=_places(plan))


@transaction.atomic
def save_hours(hours: PlanHours, *, by: Any) -> PlanHours:
    """Give a plan other speeds in some hours, or hours that do not count. Refuses hours that it has others in."""
    Plan.objects.select_for_update().get(pk=hours.plan_id)
    if hours.pk is None and hours.plan.hours.count() >= MOST_HOURS:
        raise Refusal(_("A plan has at most %s hours; make one of two that follow each other.") % MOST_HOURS)
    if other := hours.overlapping():
        raise Refusal(_("The plan has other hours then: %s.") % other)
    before = audit.snapshot(PlanHours.objects.get(pk=hours.pk)) if hours.pk else None
    hours.save()
    audit.note(by, "plan.hours_changed", hours.plan, before=before, after=audit.snapshot(hours))
    return hours


@transaction.atomic
def remove_hours(hours: PlanHours, *, by: Any) -> None:
    before = audit.snapshot(hours)
    hours.delete()
    audit.note(by, "plan.hours_changed", hours.plan, before=before)


@transaction.atomic
def set_plan_status(plan: Plan, status: str, *, by: Any) -> None:
    """Draft, on sale, no new sales, archived. Those who have the plan keep it."""
    before = plan.status
    if Plan.objects.filter(pk=plan.pk).exclude(status=status).update(status=Plan.Status(status)):
        plan.status = status
        audit.note(by, "plan.status_changed", plan, before={"status": before}, after={"status": status})


@transaction.atomic
def set_add_on_status(add_on: AddOn, status: str, *, by: Any) -> None:
    """Draft, on sale, no new sales, archived. Whoever bought it keeps it, and is charged for it, as agreed."""
    before = add_on.status
    if AddOn.objects.filter(pk=add_on.pk).exclude(status=status).update(status=AddOn.Status(status)):
        add_on.status = status
        audit.note(by, "addon.status_changed", add_on, before={"status": before}, after={"status": status})


def _places(plan: Plan) -> dict[str, str]:
    return {
        "areas": ", ".join(plan.areas.values_list("name", flat=True)),
        "branches": ", ".join(plan.branches.values_list("name", flat=True)),
    }
