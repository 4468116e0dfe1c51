from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from fiberledger import screens
from fiberledger.identity.guards import staff

from . import services
from .models import Plan


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
