from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from fiberledger import screens
from fiberledger.identity.guards import staff
from fiberledger.vault import services as vault
from fiberledger.vault.registry import kinds


@staff("vault.settings")
def policy(request: HttpRequest) -> HttpResponse:
    """After how many days each kind of secret is due to be changed."""
    present = vault.policy()
    fields = {
        f"days{n}": forms.IntegerField(
            label=kinds()[code].label, min_value=1, max_value=3650, initial=days, help_text=_("days until it is due")
        )
        for n, (code, days) in enumerate(present.items())
    }
    form = type("PolicyForm", (forms.Form,), fields)(request.POST or None)
    if form.is_valid():
        vault.set_policy(dict(zip(present, form.cleaned_data.values(), strict=True)), by=request.actor)
        screens.toast(request, _("Saved."))
        return redirect("team:kept-list")
    return screens.form_page(
        request, form, title=_("How often to change secrets"), submit=_("Save"),
        back=(_("Secrets"), reverse("team:kept-list")),
        help=_("A secret that is older stands in the worklist of the owner and the engineer until it is changed."),
    )  # fmt: skip
