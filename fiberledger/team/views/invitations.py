from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fiberledger import screens
from fiberledger.identity import services
from fiberledger.identity.guards import staff
from fiberledger.identity.models import Invitation
from fiberledger.screens import Button, Fact, Tab
from fiberledger.tenancy import Refusal

from ..forms import InviteForm
from ..screens import state_of
from .pressing import button


@staff("members.manage")
def invite(request: HttpRequest) -> HttpResponse:
    """A letter to somebody who is to work here."""
    form = InviteForm(request.POST or None)
    if form.is_valid():
        who = form.cleaned_data
        try:
            services.invite(who["email"], who["name"], form.grant(), language=who["language"], by=request.actor)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            screens.toast(request, _("A letter to %s is on its way.") % who["email"])
            return redirect("team:invitation-list")
    back = (_("Members"), reverse("team:member-list"))
    return screens.form_page(request, form, title=_("Invite a member"), submit=_("Send the invitation"), back=back)


def _invitation(pk: int) -> Invitation:
    return get_object_or_404(Invitation.objects, pk=pk)


def _overview(request: HttpRequest, found: Invitation) -> dict[str, Any]:
    return {"grant": services.Grant.from_json(found.grant).in_words(), "groups": []}


_TABS = (Tab("overview", gettext_lazy("Overview"), "team/_member.html", _overview),)
_BUTTONS = (
    Button(
        gettext_lazy("Send again"), "team:invitation-again", "send", "members.manage", primary=True, post=True,
        when=lambda invitation: invitation.is_open,
    ),
    Button(
        gettext_lazy("Withdraw"), "team:invitation-withdraw", "x", "members.manage", post=True, tone="bad",
        when=lambda invitation: invitation.is_open,
    ),
)  # fmt: skip


@staff("members.view")
def invitation(request: HttpRequest, pk: int) -> HttpResponse:
    found = _invitation(pk)
    facts = [
        Fact(_("State"), state_of(found)),
        Fact(_("Invited by"), found.invited_by_name),
        Fact(_("Works until"), found.expires_at),
    ]
    return screens.record_page(
        request, found, title=found.name, number=found.email, status="", facts=facts, tabs=_TABS, buttons=_BUTTONS
    )


_button = partial(button, "members.manage", find=_invitation, page="team:invitation")
again = _button(
    services.send_invitation_again,
    lambda invitation: _("A new letter to %s is on its way; the old link is dead.") % invitation.email,
)
withdraw = _button(services.withdraw_invitation, lambda invitation: _("The link does not work any more."))
