from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from fiberledger import screens
from fiberledger.identity.guards import staff
from fiberledger.tenancy import Refusal, tenant_scope

from . import services
from .forms import ReasonForm, TakeInForm

KINDS = ("platform", "platform_reseller")


@staff("control.view", tenant_kinds=KINDS)
def tenants(request: HttpRequest) -> HttpResponse:
    """The tree below us, with counts."""
    search = request.GET.get("q", "").strip()[:80]
    branches = services.tree(request.tenant, search)
    return render(
        request,
        "control/tenants.html",
        {
            "branches": branches,
            "search": search,
            "totals": {
                "companies": len(branches),
                "subscribers": sum(branch.subscribers for branch in branches),
                "active": sum(branch.active for branch in branches),
                "suspended": sum(branch.is_suspended for branch in branches),
            },
            "may_create": request.actor.may("control.create"),
        },
    )


@staff("control.view", tenant_kinds=KINDS)
def tenant(request: HttpRequest, pk: int) -> HttpResponse:
    """One company below us."""
    found = _found(request, pk)
    below = [branch for branch in services.tree(request.tenant) if branch.parent_id == pk]
    return render(
        request,
        "control/tenant.html",
        {"branch": found, "below": below, "may_suspend": request.actor.may("control.suspend")},
    )


def _found(request: HttpRequest, pk: int) -> services.Branch:
    found = services.below(request.tenant, pk)
    if found is None:
        raise Http404
    return found


def _form(request: HttpRequest, form: Any, **words: Any) -> HttpResponse:
    with tenant_scope(request.tenant.pk):  # the frame around the form is ours
        return screens.form_page(request, form, **words)


@staff("control.create", tenant_kinds=KINDS, own_scope=True)
def take_in(request: HttpRequest) -> HttpResponse:
    """A new company, and the letter to its owner."""
    form = TakeInForm(request.tenant, request.POST or None)
    if form.is_valid():
        try:
            created = services.take_in(request.tenant, **form.cleaned_data, by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%s is taken in; its owner has been invited.") % created)
            return redirect("control:tenant", created.pk)
    back = (_("Companies"), reverse("control:tenants"))
    return _form(request, form, title=_("Take in a company"), submit=_("Take in"), back=back)


@staff("control.suspend", tenant_kinds=KINDS, own_scope=True)
def suspend(request: HttpRequest, pk: int) -> HttpResponse:
    """Shut a company out, with a reason."""
    found = _found(request, pk)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        services.suspend(request.tenant, pk, reason=form.cleaned_data["reason"], by=request.actor)
        screens.toast(request, _("%s is suspended.") % found.name)
        return redirect("control:tenant", pk)
    return _form(
        request,
        form,
        title=_("Suspend %s") % found.name,
        submit=_("Suspend"),
        help=_("Everybody who works there, and at companies below it, is shut out at once. Nothing of theirs is lost."),
        back=(found.name, reverse("control:tenant", args=[pk])),
    )


@staff("control.suspend", tenant_kinds=KINDS, own_scope=True)
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Lift a suspension, with a reason."""
    found = _found(request, pk)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        services.resume(request.tenant, pk, reason=form.cleaned_data["reason"], by=request.actor)
        screens.toast(request, _("%s is let in again.") % found.name)
        return redirect("control:tenant", pk)
    return _form(
        request,
        form,
        title=_("Lift the suspension of %s") % found.name,
        submit=_("Lift it"),
        back=(found.name, reverse("control:tenant", args=[pk])),
    )
