"""One way for every secret to be seen: a reason, one's own password again, a line in the log, and shown once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from fiberledger.identity import door
from fiberledger.tenancy import Refusal, tenant_scope
from fiberledger.vault import services as vault
from fiberledger.vault.registry import kinds

from .form_pages import form_page


@dataclass(frozen=True)
class Secret:
    """Which secret of which row; `also(request, row, word, see)` makes a text that needs it, such as a script: `see(code)`
    brings another secret of the row, for the same reason."""

    code: str
    row: Any
    back: str
    also: Callable[[Any, Any, str, Callable[[str], str]], str] | None = None


class RevealForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Why?"), max_length=200, widget=forms.TextInput(attrs={"autofocus": True})
    )
    password = forms.CharField(
        label=gettext_lazy("Your own password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=gettext_lazy("So that nobody looks who merely found your screen open."),
    )

    def clean_reason(self) -> str:
        try:
            return vault.check_reason(self.cleaned_data["reason"])
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from None


@never_cache
@sensitive_post_parameters("password")
def reveal(request: HttpRequest, find: Callable[[], Secret]) -> HttpResponse:
    """The pages around a secret. The view has a scope of its own: a wrong password is counted though the answer is no."""
    form = RevealForm(request.POST or None)
    if form.is_valid():
        try:
            door.check_password(request, request.user.email, form.cleaned_data["password"])
        except door.Locked:
            form.add_error("password", _("Too many tries. Try again later."))
        except door.WrongCredentials:
            form.add_error("password", _("This is not your password."))
        else:
            with tenant_scope(request.tenant.pk):
                secret = find()

                def see(code: str) -> str:
                    return vault.look(code, secret.row, reason=form.cleaned_data["reason"], by=request.actor)

                word = see(secret.code)
                script = secret.also(request, secret.row, word, see) if secret.also else ""
                kind = kinds()[secret.code]
                return render(
                    request,
                    "screens/revealed.html",
                    {
                        "title": str(secret.row),
                        "label": kind.label,
                        "word": word,
                        "script": script,
                        "back_url": secret.back,
                    },
                )
    with tenant_scope(request.tenant.pk):
        secret = find()
        title = _("%(what)s of %(name)s") % {"what": kinds()[secret.code].label, "name": secret.row}
        return form_page(
            request, form, title=title, submit=_("Reveal"), back=secret.back, template="screens/task.html",
            help=_("Your name, the time and your reason are written down where the owner sees them."),
        )  # fmt: skip
