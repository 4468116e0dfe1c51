from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from fiberledger import audit, screens
from fiberledger.access.models import Nas
from fiberledger.access.routeros import our_address
from fiberledger.access.views import accept_page
from fiberledger.identity.guards import staff
from fiberledger.screens import Column
from fiberledger.tenancy import Refusal

from . import bringing, changes, services
from .forms import BringOverForm, ChangeForm, KeepForm
from .models import Change, ConfigCopy, Difference, OnRouter

SHOWN = 400  # lines of a comparison


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
    """Leave a difference as it is for a while."""
    found = get_object_or_404(Difference.objects.visible_to(request.actor), pk=pk)
    return accept_page(
        request,
        found,
        services.accept,
        name=found.name,
        back=screens.back_to(request, reverse("provisioning:difference-list")),
        help=_("Nothing is done about it until then, unless what should be there changes."),
    )


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


@staff("provisioning.routers")
def ask_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose what to change on a router; what that would alter is read and shown before anything happens."""
    nas = get_object_or_404(Nas.objects.visible_to(request.actor), pk=pk)
    form = ChangeForm(request.POST or None)
    if form.is_valid():
        try:
            found = changes.ask(
                nas, form.cleaned_data["kind"], server=our_address(request.get_host()), by=request.actor
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("provisioning:change", found.pk)
    return screens.form_page(
        request, form, title=_("Change %(name)s") % {"name": nas.name}, submit=_("Show what would change"), back=(nas.name, _tab(pk)),
        template="screens/task.html", help=_("Nothing is changed before you have seen it and approved of it."),
    )  # fmt: skip


@staff("provisioning.routers", "imports.take")
def bring_over(request: HttpRequest, pk: int) -> HttpResponse:
    """Read what is on a router as a customer list, and put it among the imports."""
    nas = get_object_or_404(Nas.objects.visible_to(request.actor), pk=pk)
    form = BringOverForm(request.POST or None)
    if form.is_valid():
        try:
            bringing.start(nas, form.cleaned_data["area"], by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(
                request, _("%(name)s is being read; its list appears here in a moment.") % {"name": nas.name}, "info"
            )
            return redirect("imports:importrun-list")
    return screens.form_page(
        request, form, title=_("Bring over what is on %(name)s") % {"name": nas.name}, submit=_("Read the router"),
        back=(nas.name, _tab(pk)), template="screens/task.html",
        help=_("Its logins become the rows of a customer list, with name and telephone from the comments and the plan of their speed. Nothing is stored before you have looked through it."),
    )  # fmt: skip


@staff("provisioning.view")
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """A change: what it alters, and how it goes."""
    found = get_object_or_404(Change.objects.visible_to(request.actor).select_related("nas"), pk=pk)
    columns = [
        Column("where", _("Where"), kind="code"), Column("which", _("Which")), Column("field", _("Field"), kind="code"),
        Column("has", _("Is"), kind="code"), Column("wants", _("Shall be"), kind="code"),
    ]  # fmt: skip
    rows = [dict(zip(("where", "which", "field", "has", "wants"), row, strict=True)) for row in found.shown]
    empty = _("The router is being read.") if found.state == "reading" else _("Nothing: the router is so already.")
    context = {
        "title": str(found),
        "change": found,
        "table": screens.table(columns, rows, url=None, caption=_("What changes"), empty=empty),
        "busy": found.state in ("reading", "applying", "returning"),
        "may_approve": found.state == "ready" and found.shown and request.actor.may("provisioning.routers"),
        "minutes": changes.MINUTES,
        "back_url": f"{reverse('access:nas', args=[found.nas_id])}?tab=configuration",
    }
    if screens.is_fragment(request, "change"):
        return render(request, "provisioning/_change.html", context)
    return render(request, "provisioning/change.html", context)


@staff("provisioning.routers")
@require_POST
def approve_change(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Change.objects.visible_to(request.actor), pk=pk)
    try:
        changes.approve(found, by=request.actor)
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
    return redirect("provisioning:change", pk)


@staff("provisioning.routers")
@require_POST
def copy_now(request: HttpRequest, pk: int) -> HttpResponse:
    nas = get_object_or_404(Nas.objects.visible_to(request.actor), pk=pk)
    services.copy_config(nas.pk)
    screens.toast(request, _("The configuration of %(name)s is being copied.") % {"name": nas.name}, "info")
    return redirect(f"{reverse('access:nas', args=[pk])}?tab=configuration")


@staff("provisioning.routers")
def copy(request: HttpRequest, pk: int) -> HttpResponse:
    """What changed in a configuration since the copy before."""
    found = get_object_or_404(
        ConfigCopy.objects.filter(nas__in=Nas.objects.visible_to(request.actor)).select_related("nas"), pk=pk
    )
    older = ConfigCopy.objects.filter(nas=found.nas, pk__lt=pk).order_by("-pk").first()
    audit.note(request.actor, "router_config.seen", found)
    if "whole" in request.GET:
        answer = HttpResponse(changes.text_of(found), content_type="text/plain; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="router-{found.nas_id}-{found.taken_at:%Y%m%d-%H%M}.rsc"'
        return answer
    lines = changes.between(older, found)
    context = {
        "title": _("Configuration"), "copy": found, "older": older, "lines": lines[:SHOWN], "more": max(0, len(lines) - SHOWN),
        "back_url": f"{reverse('access:nas', args=[found.nas_id])}?tab=configuration",
    }  # fmt: skip
    return render(request, "provisioning/copy.html", context)
