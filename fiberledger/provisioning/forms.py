from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from fiberledger.places.models import Area

from . import services
from .models import Change, OnRouter


class KeepForm(forms.ModelForm):
    """What is kept on one router, and by which way."""

    sections = [
        (_("What"), ["mode", "unbound_too", "most_queues"]),
        (_("By which way"), ["driver", "port"]),
    ]

    class Meta:
        model = OnRouter
        fields = ["mode", "unbound_too", "most_queues", "driver", "port"]
        widgets = {"mode": forms.RadioSelect(attrs={"class": "check"})}

    def save_as(self, actor: Any) -> OnRouter:
        return services.keep(self.instance, by=actor)


class AcceptForm(forms.Form):
    """How long it may stay as it is, and why."""

    hours = forms.TypedChoiceField(
        label=_("For how long?"),
        coerce=int,
        choices=[(1, _("1 hour")), (8, _("8 hours")), (24, _("1 day")), (168, _("7 days")), (720, _("30 days"))],
        initial=24,
    )
    why = forms.CharField(label=_("Why?"), max_length=200)


class ChangeForm(forms.Form):
    """What to change on a router."""

    kind = forms.ChoiceField(
        label=_("What?"), choices=Change.Kind.choices, widget=forms.RadioSelect(attrs={"class": "check"})
    )


class BringOverForm(forms.Form):
    """Where the people of a router live: it does not say so itself."""

    area = forms.ModelChoiceField(
        label=_("Area"),
        queryset=Area.objects.all(),
        help_text=_("It can be corrected per row in the list, before it is taken."),
    )
