from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger import screens
from fiberledger.identity import permissions, services
from fiberledger.identity.guards import staff
from fiberledger.identity.models import Role
from fiberledger.screens import Button, Fact, Tab
from fiberledger.tenancy import Refusal, current_tenant

from ..forms import CloneForm, RoleForm
from ..screens import about
from .pressing import button


def _role(pk: int) -> Role:
    return get_object_or_404(Role.objects, pk=pk)


def _holders(request: HttpRequest, found: Role) -> dict[str, Any]:
    links = found.member_links.select_related("membership__user").order_by("membership__user__name")
    return {"holders": [link.membership for link in links[:200]]}


def _permits(request: HttpRequest, found: Role) -> dict[str, Any]:
    held = found.granted()
    return {
        "groups": [
            (group.label, [(label, code in held) for code, label in group.permissions.items()])
            for group in permissions.groups(current_tenant().kind)
        ]
    }


_TABS = (
    Tab("permits", gettext_lazy("Permits"), "team/_permits.html", _permits, icon="shield-check"),
    Tab(
        "holders", gettext_lazy("Members"), "team/_holders.html", _holders, permission="members.view", icon="users-round"
    ),
)  # fmt: skip
_BUTTONS = (
    Button(
        gettext_lazy("Edit"), "team:role-change", "pencil", "roles.manage", primary=True,
        when=lambda role: not role.is_owner,
    ),
    Button(gettext_lazy("Clone"), "team:role-clone", "copy", "roles.manage"),
    Button(
        gettext_lazy("Follow the template again"), "team:role-follow", "rotate-ccw", "roles.manage", post=True,
        when=lambda role: bool(role.template) and not role.follows_template,
        confirm=gettext_lazy("What was changed on this role is undone; from now on it grows with the product."),
    ),
    Button(
        gettext_lazy("Take out of use"), "team:role-disable", "archive", "roles.manage", post=True, tone="bad",
        when=lambda role: role.is_active and not role.is_owner,
        confirm=gettext_lazy("Whoever holds this role loses what it permits, at once."),
    ),
    Button(
        gettext_lazy("Put into use"), "team:role-enable", "archive-restore", "roles.manage", post=True,
        when=lambda role: not role.is_active,
    ),
)  # fmt: skip


@staff("roles.view")
def role(request: HttpRequest, pk: int) -> HttpResponse:
    found = _role(pk)
    facts = [
        Fact(_("What for"), about(found) or "–"),
        Fact(_("Permissions"), _("follow the template") if found.follows_template else _("chosen here")),
        Fact(_("In use"), _("yes") if found.is_active else _("no")),
    ]
    return screens.record_page(request, found, title=str(found), status="", facts=facts, tabs=_TABS, buttons=_BUTTONS)


def _role_form(request: HttpRequest, found: Role, title: str, back: tuple[str, str]) -> HttpResponse:
    form = RoleForm(request.POST if request.method == "POST" else None, role=found, actor=request.actor)
    if form.is_valid():
        try:
            saved = services.save_role(
                found,
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                chosen=form.chosen,
                by=request.actor,
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("Saved. It counts from their next click on."))
            return redirect("team:role", saved.pk)
    return screens.form_page(request, form, title=title, back=back, template="team/role_form.html")


@staff("roles.manage")
def create(request: HttpRequest) -> HttpResponse:
    return _role_form(request, Role(), _("New role"), (_("Roles"), reverse("team:role-list")))


@staff("roles.manage")
def change(request: HttpRequest, pk: int) -> HttpResponse:
    found = _role(pk)
    return _role_form(
        request, found, _("Edit %(what)s") % {"what": found}, (str(found), reverse("team:role", args=[pk]))
    )


@staff("roles.manage")
def clone(request: HttpRequest, pk: int) -> HttpResponse:
    """A copy under another name, to be changed."""
    found = _role(pk)
    form = CloneForm(request.POST or None, initial={"name": _("%s (copy)") % found})
    if form.is_valid():
        try:
            copy = services.clone_role(found, name=form.cleaned_data["name"], by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("team:role-change", copy.pk)
    back = (str(found), reverse("team:role", args=[pk]))
    return screens.form_page(request, form, title=_("Clone %s") % found, submit=_("Clone"), back=back)


_button = partial(button, "roles.manage", find=_role, page="team:role")
disable = _button(services.disable_role, lambda role: _("%s is out of use.") % role)
enable = _button(services.enable_role, lambda role: _("%s is in use again.") % role)
follow_template = _button(services.follow_template_again, lambda role: _("%s follows its template again.") % role)
