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
