from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar

from . import services
from .models import TraceCase

_DATE = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class CaseForm(forms.ModelForm):
    """Who wants to know which address at which time, on what ground."""

    sections = [
        (
            _("What is asked"),
            ["address", "port", "at"],
            _("The time is your own clock's, to the second where you know it."),
        ),
        (_("Who asks"), ["authority", "reference", "requested_on", "reason"]),
        (_("How long it is kept"), ["keep_until"]),
    ]

    class Meta:
        model = TraceCase
        fields = ["address", "port", "at", "authority", "reference", "requested_on", "reason", "keep_until"]
        widgets = {
            "at": forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"),
            "requested_on": _DATE,
            "keep_until": _DATE,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["keep_until"].initial = lambda: calendar.today() + timedelta(days=365)

    def clean_at(self) -> datetime:
        """What was typed is the tenant's own clock."""
        return self.cleaned_data["at"].replace(tzinfo=calendar.zone())

    def save_as(self, actor: Any) -> TraceCase:
        return services.open_case(self.instance, by=actor)


class RefuseForm(forms.Form):
    """Why nothing is disclosed."""

    why = forms.CharField(label=_("Why?"), max_length=300, widget=forms.TextInput(attrs={"autofocus": True}))
