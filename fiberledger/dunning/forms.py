from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from fiberledger import calendar
from fiberledger.places.models import Area, Branch

from . import by_the_clock
from .models import AreaGrace, SuspensionPolicy, SuspensionRun


class ScopeForm(forms.Form):
    """Whom a run is for: a place, and how strict."""

    mode = forms.ChoiceField(
        label=_("Who"),
        choices=SuspensionRun.Mode.choices,
        initial=SuspensionRun.Mode.POLICY,
        widget=forms.RadioSelect(attrs={"class": "check"}),
        required=False,
    )
    area = forms.ModelChoiceField(
        label=_("Only in this area or street"),
        queryset=Area.objects.none(),
        required=False,
        empty_label=_("Everywhere"),
    )
    branch = forms.ModelChoiceField(
        label=_("Only of this branch"), queryset=Branch.objects.none(), required=False, empty_label=_("All branches")
    )
    note = forms.CharField(label=_("Why"), max_length=200, required=False)

    def __init__(self, *args: Any, actor: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        areas, branches = Area.objects.active().in_tree_order(), Branch.objects.all()
        if actor.area_ids is not None:
            areas = areas.filter(pk__in=actor.area_ids)
        if actor.branch_ids is not None:
            branches = branches.filter(pk__in=actor.branch_ids)
        self.fields["area"].queryset = areas
        self.fields["area"].label_from_instance = lambda area: area.full_name
        self.fields["branch"].queryset = branches
        if not actor.may("dunning.cut_everyone"):
            self.fields["mode"].choices = SuspensionRun.Mode.choices[:2]

    def clean_mode(self) -> str:
        return self.cleaned_data["mode"] or SuspensionRun.Mode.POLICY


class ExemptForm(forms.Form):
    until = forms.DateField(
        label=_("Until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("The last day they are spared. Empty: until somebody ends it."),
    )
    why = forms.CharField(label=_("Why"), max_length=200, min_length=3)


class ForgiveForm(forms.Form):
    until = forms.DateField(
        label=_("Spare them until"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    why = forms.CharField(label=_("Why"), max_length=200, min_length=3)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["until"].initial = calendar.today() + timedelta(days=3)


class SuspensionPolicyForm(forms.ModelForm):
    sections = [
        (_("When"), ["enabled", "hour", "grace_days"], _("Everyone who is billed.")),
        (_("Who is spared"), ["exempt_vip", "part_paid_percent", "least_owed", "remind_first"]),
        (_("Coming back"), ["resume"], _("Lines cut for debt come back by themselves when a payment is recorded.")),
        (_("Reminders"), ["remind_before_days"]),
        (_("Circuit breaker"), ["breaker_percent", "breaker_least"], _("Guards against a run that went wrong.")),
    ]

    class Meta:
        model = SuspensionPolicy
        fields = [
            "enabled", "hour", "grace_days", "exempt_vip", "part_paid_percent", "least_owed", "remind_first", "resume",
            "remind_before_days", "breaker_percent", "breaker_least",
        ]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("part_paid_percent", "least_owed", "breaker_percent"):
            value = getattr(self.instance, name)
            self.initial[name] = None if value is None else f"{Decimal(value).normalize():f}"

    def clean(self) -> dict:
        cleaned = super().clean() or {}
        if cleaned.get("resume") == "part" and cleaned.get("part_paid_percent") is None:
            self.add_error("part_paid_percent", _("Enter the share that brings a line back."))
        return cleaned


class AreaGraceForm(forms.ModelForm):
    class Meta:
        model = AreaGrace
        fields = ["area", "days"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["area"].queryset = Area.objects.active().in_tree_order()
        self.fields["area"].label_from_instance = lambda area: area.full_name

    def save(self, commit: bool = True) -> AreaGrace:
        grace = super().save(commit)
        by_the_clock.withdraw_cuts()
        return grace
