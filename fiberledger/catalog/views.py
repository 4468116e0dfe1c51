from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from fiberledger import screens
from fiberledger.identity.guards import staff
from fiberledger.tenancy import Refusal

from . import services
from .forms import PlanHoursForm
from .models import AddOn, Plan, PlanHours


def _becomes(status: str) -> Any:
    @staff("catalog.edit")
    @require_POST
    def view(request: HttpRequest, pk: int) -> HttpResponse:
        plan = get_object_or_404(Plan, pk=pk)
        services.set_plan_status(plan, status, by=request.actor)  # type: ignore[attr-defined]
        screens.toast(
            request, _("“%(plan)s”: %(status)s.") % {"plan": plan, "status": plan.get_status_display().lower()}
        )
        return redirect("catalog:plan", pk=pk)

    return view


put_on_sale = _becomes(Plan.Status.ACTIVE)
stop_selling = _becomes(Plan.Status.DEPRECATED)
archive = _becomes(Plan.Status.ARCHIVED)


def _add_on_becomes(status: str) -> Any:
    @staff("catalog.edit")
    @require_POST
    def view(request: HttpRequest, pk: int) -> HttpResponse:
        add_on = get_object_or_404(AddOn, pk=pk)
        services.set_add_on_status(add_on, status, by=request.actor)  # type: ignore[attr-defined]
        screens.toast(
            request, _("“%(plan)s”: %(status)s.") % {"plan": add_on, "status": add_on.get_status_display().lower()}
        )
        return redirect("catalog:addon", pk=pk)

    return view


put_add_on_on_sale = _add_on_becomes(AddOn.Status.ACTIVE)
stop_selling_add_on = _add_on_becomes(AddOn.Status.DEPRECATED)
archive_add_on = _add_on_becomes(AddOn.Status.ARCHIVED)


def _hours_tab(plan_id: int) -> str:
    return f"{reverse('catalog:plan', args=[plan_id])}?tab=hours"


@staff("catalog.edit")
def add_hours(request: HttpRequest, pk: int) -> HttpResponse:
    """Other speeds in some hours of a plan, or hours that do not count."""
    return _hours_form(request, PlanHours(plan=get_object_or_404(Plan, pk=pk)))


@staff("catalog.edit")
def edit_hours(request: HttpRequest, pk: int) -> HttpResponse:
    return _hours_form(request, get_object_or_404(PlanHours.objects.select_related("plan"), pk=pk))


def _hours_form(request: HttpRequest, hours: PlanHours) -> HttpResponse:
    plan = hours.plan
    form = PlanHoursForm(request.POST or None, instance=hours)
    if form.is_valid():
        try:
            services.save_hours(form.save(commit=False), by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("The hours were saved; lines follow within a minute."))
            return redirect(_hours_tab(plan.pk))
    title = _("Hours of %(plan)s") % {"plan": plan}
    return screens.form_page(request, form, title=title, back=(str(plan), _hours_tab(plan.pk)))


@staff("catalog.edit")
@require_POST
def remove_hours(request: HttpRequest, pk: int) -> HttpResponse:
    hours = get_object_or_404(PlanHours.objects.select_related("plan"), pk=pk)
    services.remove_hours(hours, by=request.actor)
    screens.toast(request, _("The hours were removed; lines follow within a minute."))
    return redirect(_hours_tab(hours.plan_id))
