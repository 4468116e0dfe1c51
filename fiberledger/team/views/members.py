from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger import screens
from fiberledger.identity import permissions, services, throttle
from fiberledger.identity.guards import staff
from fiberledger.identity.models import LoginAttempt, Membership
from fiberledger.screens import Button, Fact, Tab
from fiberledger.tenancy import Refusal, current_tenant

from ..forms import GrantForm
from .pressing import button


def _member(pk: int) -> Membership:
    return get_object_or_404(Membership.objects.with_roles(), pk=pk)


def _is_locked(member: Membership) -> bool:
    return throttle.locked_until(throttle.LOGIN_ACCOUNT, member.user.email) is not None


def _overview(request: HttpRequest, member: Membership) -> dict[str, Any]:
    held = frozenset().union(*(role.granted() for role in member.roles if role.is_active))
    words = permissions.all()
    return {
        "grant": services.Grant.of(member).in_words(),
        "groups": [
            (group.label, [words[code] for code in group.permissions if code in held])
            for group in permissions.groups(current_tenant().kind)
            if held & group.permissions.keys()
        ],
    }


def _logins(request: HttpRequest, member: Membership) -> dict[str, Any]:
    # What the person does at other companies is none of this one's business.
    here = LoginAttempt.objects.filter(user=member.user, at_tenant_id__in=[current_tenant().pk])
    return {"attempts": here.order_by("-id")[:50]}


_TABS = (
    Tab("overview", gettext_lazy("Overview"), "team/_member.html", _overview, icon="user-round"),
    Tab("logins", gettext_lazy("Logins"), "team/_logins.html", _logins, icon="log-in"),
)
_BUTTONS = (
    Button(gettext_lazy("Change roles"), "team:member-change", "pencil", "members.manage", primary=True),
    Button(gettext_lazy("Send password reset"), "team:member-reset", "key-round", "members.reset", post=True),
    Button(
        gettext_lazy("Require a new password"), "team:member-new-password", "rectangle-ellipsis", "members.reset", post=True,
        confirm=gettext_lazy("They are signed out everywhere and choose a new password when they sign in again."),
    ),
    Button(gettext_lazy("Unlock"), "team:member-unlock", "lock-open", "members.reset", post=True, when=_is_locked),
    Button(
        gettext_lazy("Sign out everywhere"), "team:member-sign-out", "log-out", "members.reset", post=True,
        confirm=gettext_lazy("Every browser this person is signed in with is signed out, at once."),
    ),
    Button(
        gettext_lazy("Disable"), "team:member-disable", "user-x", "members.manage", post=True, tone="bad",
        when=lambda member: member.is_active,
        confirm=gettext_lazy("They are shut out with their next click. What they did stays under their name."),
    ),
    Button(
        gettext_lazy("Enable"), "team:member-enable", "user-check", "members.manage", post=True,
        when=lambda member: not member.is_active,
    ),
)  # fmt: skip


@staff("members.view")
def member(request: HttpRequest, pk: int) -> HttpResponse:
    found = _member(pk)
    facts = [
        Fact(_("Roles"), ", ".join(str(role) for role in found.roles) or _("none")),
        Fact(_("Reaches"), found.get_scope_display()),
    ]
    if found.last_seen_at:
        facts.append(Fact(_("Last signed in"), found.last_seen_at))
    if _is_locked(found):
        facts.append(Fact(_("Locked"), _("too many wrong passwords"), tone="bad"))
    return screens.record_page(
        request,
        found,
        title=found.name,
        number=found.user.email,
        facts=facts,
        tabs=_TABS,
        buttons=_BUTTONS if services.may_manage(found, request.actor) else (),
        icon="user-round",
    )


@staff("members.manage")
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Other roles, another reach."""
    found = _member(pk)
    form = GrantForm(request.POST or None, member=found)
    if form.is_valid():
        try:
            services.change_member(found, form.grant(), by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("Saved. It counts from their next click on."))
            return redirect("team:member", pk)
    back = (found.name, reverse("team:member", args=[pk]))
    return screens.form_page(request, form, title=_("Roles of %s") % found.name, back=back)


_button = partial(button, find=_member, page="team:member")
disable = _button("members.manage", services.disable_member, lambda member: _("%s is shut out.") % member)
enable = _button("members.manage", services.enable_member, lambda member: _("%s is let in again.") % member)
send_reset = _button(
    "members.reset", services.send_reset_to, lambda member: _("A letter to %s is on its way.") % member.user.email
)
require_new_password = _button(
    "members.reset",
    services.require_new_password,
    lambda member: _("%s chooses a new password at the next sign-in.") % member,
)
unlock = _button("members.reset", services.unlock, lambda member: _("%s may try again at once.") % member)
sign_out = _button("members.reset", services.sign_out_member, lambda member: _("%s is signed out everywhere.") % member)
