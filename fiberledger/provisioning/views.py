from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from fiberledger import calendar, screens
from fiberledger.access.models import Nas
from fiberledger.identity.guards import staff
from fiberledger.tenancy import Refusal

from . import services
from .forms import AcceptForm, KeepForm
from .models import Difference, OnRouter


def _tab(pk: int) -> str:
    return f"{reverse('access:nas', args=[pk])}?tab=lines"


@staff("provisioning.routers")
def keep(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what is kept on a router."""
    nas = get_object_or_404(Nas.objects.visible_to(request.actor), pk=pk)
    kept = OnRouter.objects.filter(pk=pk).select_related("nas").first() or OnRouter(nas=nas)
    form = KeepForm(request.POST or None, instance=kept)
    if form.is_valid():
        try:
            form.save_as(request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%(name)s is being looked at.") % {"name": nas.name}, "info")
            return redirect(_tab(pk))
    return screens.form_page(
        request, form, title=_("What we keep on %(name)s") % {"name": nas.name}, submit=_("Save"), back=(nas.name, _tab(pk)),
        help=_("Only entries that carry our mark (fl:…) are ever changed or removed there."),
    )  # fmt: skip


@staff("provisioning.heal")
@require_POST
def look(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a job look at the router now; what it finds shows on the router's page."""
    nas = get_object_or_404(Nas.objects.visible_to(request.actor), pk=pk)
    services.look_now([nas.pk])
    screens.toast(request, _("%(name)s is being looked at.") % {"name": nas.name}, "info")
    return redirect(_tab(pk))


@staff("provisioning.heal")
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave a difference as it is for a while, after asking why."""
    found = get_object_or_404(Difference.objects.visible_to(request.actor), pk=pk)
    back = screens.back_to(request, reverse("provisioning:difference-list"))
    form = AcceptForm(request.POST or None)
    if form.is_valid():
        until = calendar.now() + timedelta(hours=form.cleaned_data["hours"])
        try:
            services.accept(found, until=until, why=form.cleaned_data["why"], by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%(name)s stays as it is for now.") % {"name": found.name})
            return redirect(back)
    return screens.form_page(
        request, form, title=_("Accept %(name)s as it is") % {"name": found.name}, submit=_("Accept"), back=back,
        template="screens/task.html", help=_("Nothing is done about it until then, unless what should be there changes."),
    )  # fmt: skip


@staff("provisioning.heal")
@require_POST
def take_over(request: HttpRequest, pk: int) -> HttpResponse:
    """Make somebody else's entry of our name ours."""
    found = get_object_or_404(Difference.objects.visible_to(request.actor), pk=pk)
    try:
        services.take_over(found, by=request.actor)
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
    else:
        screens.toast(request, _("%(name)s is being taken over.") % {"name": found.name}, "info")
    return redirect(screens.back_to(request, reverse("provisioning:difference-list")))
