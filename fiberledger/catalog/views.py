from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from fiberledger import screens
from fiberledger.identity.guards import staff

from . import services
from .models import AddOn, Plan


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
