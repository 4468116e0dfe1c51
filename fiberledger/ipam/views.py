from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from fiberledger import screens
from fiberledger.identity.guards import staff
from fiberledger.screens import Button, Fact, Tab
from fiberledger.tenancy import Refusal

from . import pages, services
from .forms import AssignForm, ReserveForm, SplitForm, WhyForm
from .mapping import show_count
from .models import CgnatRule, Holding, Pool, Prefix


@staff("ipam.view")
def prefix(request: HttpRequest, pk: int) -> HttpResponse:
    """A prefix: where it lies, its map, who holds what of it."""
    found = get_object_or_404(
        Prefix.objects.visible_to(request.actor).listed().select_related("vrf", "vlan", "branch"), pk=pk
    )
    net = found.network
    above = Prefix.objects.visible_to(request.actor).filter(vrf_id=found.vrf_id).holding(net).exclude(pk=pk).last()
    facts = [Fact(_("Role"), found.get_role_display(), icon="network")]
    if above is not None:
        facts.append(Fact(_("Lies in"), str(above), url=reverse("ipam:prefix", args=[above.pk])))
    facts += [
        Fact(_("Addresses"), show_count(net.num_addresses)),
        Fact(_("Held"), show_count(found.held), url=f"{reverse('ipam:holding-list')}?q={net}&now=1"),
    ]
    if found.shared:
        facts.append(Fact(_("Shared out"), f"{100 * found.shared:.0f} %"))
    facts += [
        Fact(label, value)
        for label, value in ((_("VLAN"), found.vlan), (_("Gateway"), found.gateway), (_("DNS servers"), found.dns))
        if value
    ]
    if not found.vrf.is_main:
        facts.append(Fact(_("VRF"), found.vrf))
    return screens.record_page(
        request,
        found,
        title=str(found),
        kind=_("Prefix"),
        number=found.description,
        status="",
        facts=facts,
        buttons=[
            Button(_("Assign an address"), "ipam:assign", "user-round-plus", "ipam.assign", primary=True),
            Button(_("Reserve an address"), "ipam:reserve", "bookmark", "ipam.assign", order=10),
            Button(
                _("Add a pool"), lambda one: f"{reverse('ipam:pool-new')}?prefix={one.pk}", "layers", "ipam.edit", order=20
            ),
            Button(
                _("Split"), "ipam:split", "scissors", "ipam.edit", order=30,
                when=lambda one: one.network.prefixlen < one.network.max_prefixlen,
            ),
            Button(_("Edit"), "ipam:prefix-edit", "pencil", "ipam.edit", order=40, keys="e"),
            Button(
                _("Remove"), "ipam:remove-prefix", "trash-2", "ipam.edit", post=True, tone="bad", order=90,
                confirm=_("Take this prefix out of the tree? What lies in it then lies in the one above."),
            ),
        ],
        tabs=[
            Tab("overview", _("Map"), "ipam/_overview.html", pages.overview, icon="grid-3x3"),
            Tab("addresses", _("Held addresses"), "ipam/_addresses.html", pages.addresses, icon="user-round-check", order=20),
        ],
    )  # fmt: skip


@staff("ipam.view")
def holding(request: HttpRequest, pk: int) -> HttpResponse:
    """An address: who holds it, and who held it before."""
    found = get_object_or_404(
        Holding.objects.visible_to(request.actor).select_related(
            "subscription__subscriber", "subscription__plan", "vrf"
        ),
        pk=pk,
    )
    around = Prefix.objects.visible_to(request.actor).filter(vrf_id=found.vrf_id).holding(found.network).last()
    line = found.subscription
    facts = [
        Fact(_("Held by"), str(line), url=reverse("subscribers:subscriber", args=[line.subscriber_id]))
        if line
        else Fact(_("What for"), found.purpose),
        Fact(_("Since"), found.began_at),
    ]
    if found.ended_at:
        facts.append(Fact(_("Released"), found.ended_at, hint=found.why_ended))
    facts.append(
        Fact(_("Prefix"), str(around), url=reverse("ipam:prefix", args=[around.pk]))
        if around
        else Fact(_("Prefix"), _("outside every prefix"), tone="warn")
    )
    return screens.record_page(
        request, found, title=found.address, kind=_("Address"), status="state" if found.is_current else "", facts=facts,
        buttons=[
            Button(
                _("Release"), "ipam:release", "undo-2", "ipam.assign", primary=True, when=lambda one: one.is_current
            )
        ],
        tabs=[Tab("overview", _("Who held it"), "ipam/_addresses.html", pages.holders, icon="history")],
    )  # fmt: skip


def _give(request: HttpRequest, form: Any, at: Prefix, pool: Pool | None, title: str, submit: str) -> HttpResponse:
    back = (str(pool or at), reverse("ipam:pool", args=[pool.pk]) if pool else reverse("ipam:prefix", args=[at.pk]))
    if form.is_valid():
        try:
            given = form.save_as(request.actor, at, pool)
        except Refusal as refusal:
            form.add_error("address" if form.cleaned_data.get("address") else None, str(refusal))
        else:
            screens.toast(request, _("%(address)s is taken.") % {"address": given.address})
            return redirect(f"{reverse('ipam:prefix', args=[at.pk])}?tab=addresses")
    return screens.form_page(request, form, title=title, submit=submit, back=back)


@staff("ipam.assign")
def assign(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an address of a prefix to a line or a device."""
    found = get_object_or_404(Prefix.objects.visible_to(request.actor), pk=pk)
    form = AssignForm(request.POST or None, initial=request.GET.dict(), actor=request.actor)
    return _give(request, form, found, None, _("Assign an address of %(network)s") % {"network": found}, _("Assign"))


@staff("ipam.assign")
def assign_of_pool(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an address of a pool that is given here, one by one."""
    pool = get_object_or_404(
        Pool.objects.visible_to(request.actor).filter(kind=Pool.Kind.FIXED).select_related("prefix"), pk=pk
    )
    form = AssignForm(request.POST or None, initial=request.GET.dict(), actor=request.actor)
    return _give(
        request, form, pool.prefix, pool, _("Assign an address of %(network)s") % {"network": pool}, _("Assign")
    )


@staff("ipam.assign")
def reserve(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep an address of a prefix back."""
    found = get_object_or_404(Prefix.objects.visible_to(request.actor), pk=pk)
    form = ReserveForm(request.POST or None)
    return _give(request, form, found, None, _("Reserve an address of %(network)s") % {"network": found}, _("Reserve"))


@staff("ipam.assign")
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an address back, saying why."""
    found = get_object_or_404(Holding.objects.visible_to(request.actor), pk=pk)
    back = reverse("ipam:holding", args=[pk])
    form = WhyForm(request.POST or None)
    if form.is_valid():
        try:
            services.release(found, why=form.cleaned_data["why"], by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("%(address)s is free again.") % {"address": found.address})
            return redirect(back)
    return screens.form_page(
        request, form, title=_("Release %(address)s") % {"address": found.address}, submit=_("Release"), back=back,
        template="screens/task.html", help=_("Who held it, and until when, stays known."),
    )  # fmt: skip


@staff("ipam.edit")
def split(request: HttpRequest, pk: int) -> HttpResponse:
    """Share a prefix out into equal parts."""
    found = get_object_or_404(Prefix.objects.visible_to(request.actor), pk=pk)
    back = reverse("ipam:prefix", args=[pk])
    form = SplitForm(request.POST or None, prefix=found)
    if form.is_valid():
        try:
            made = services.split(found, form.cleaned_data["length"], by=request.actor)
        except Refusal as refusal:
            form.add_error("length", str(refusal))
        else:
            text = ngettext("%(n)d prefix was made.", "%(n)d prefixes were made.", len(made)) % {"n": len(made)}
            screens.toast(request, text)
            return redirect(back)
    return screens.form_page(
        request, form, title=_("Split %(network)s") % {"network": found}, submit=_("Split"), back=back,
        template="screens/task.html", help=_("Parts that are there already stay as they are."),
    )  # fmt: skip


def _remove(request: HttpRequest, remove: Any, one: Any, back: str) -> HttpResponse:
    try:
        remove(one, by=request.actor)
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
        return redirect(back)
    screens.toast(request, _("%(what)s was removed.") % {"what": one})
    return redirect("ipam:prefix-list")


@staff("ipam.edit")
@require_POST
def remove_prefix(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Prefix.objects.visible_to(request.actor), pk=pk)
    return _remove(request, services.remove_prefix, found, reverse("ipam:prefix", args=[pk]))


@staff("ipam.edit")
@require_POST
def end_rule(request: HttpRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(CgnatRule.objects.all(), pk=pk)
    try:
        services.end_rule(rule, by=request.actor)
    except Refusal as refusal:
        screens.toast(request, refusal, "bad")
    return redirect("ipam:cgnatrule-list")


@staff("ipam.edit")
@require_POST
def remove_pool(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Pool.objects.visible_to(request.actor), pk=pk)
    return _remove(request, services.remove_pool, found, reverse("ipam:pool", args=[pk]))
