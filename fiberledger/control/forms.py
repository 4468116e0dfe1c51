from __future__ import annotations

from typing import Any

from babel import Locale
from babel.core import get_global
from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from fiberledger.tenancy.models import Tenant

from . import services


class TakeInForm(forms.Form):
    name = forms.CharField(label=_("Company name"), max_length=120)
    slug = forms.SlugField(
        label=_("Short name"), max_length=40, help_text=_("Part of its web address: small letters, digits, hyphens.")
    )
    country = forms.ChoiceField(label=_("Country"), help_text=_("Currency and time zone follow."))
    kind = forms.ChoiceField(label=_("Kind"))
    owner_name = forms.CharField(label=_("Owner's name"), max_length=120)
    owner_email = forms.EmailField(label=_("Owner's e-mail"), help_text=_("The invitation goes there."))

    sections = [(_("Company"), ["name", "slug", "country", "kind"]), (_("Owner"), ["owner_name", "owner_email"])]

    def __init__(self, root: Tenant, data: Any = None) -> None:
        super().__init__(data)
        names = Locale.parse(get_language() or "en", sep="-").territories
        known = sorted((names[code], code) for code in get_global("territory_currencies") if code in names)
        self.fields["country"].choices = [("", "–"), *((code, name) for name, code in known)]
        words = dict(Tenant.Kind.choices)
        self.fields["kind"].choices = [(kind, words[kind]) for kind in reversed(services.kinds_below(root))]


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Why"), max_length=200)
